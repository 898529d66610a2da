"""What llama.cpp makes of a GGUF file, for tests/python-gguf.test.ts: the likeliest tokens after each prompt, and the ids of
texts. Reads {"model", "prompts": lists of ids, "texts", "tokens"} from standard input; asks a server on the loopback."""

import json
import sys
import urllib.request

import xllamacpp


def main():
    wanted = json.load(sys.stdin)
    settings = xllamacpp.CommonParams()
    settings.model.path = wanted["model"]
    settings.n_ctx = 1024
    settings.n_parallel = 1
    settings.n_gpu_layers = 0
    settings.cpuparams.n_threads = 1
    settings.warmup = False
    server = xllamacpp.Server(settings)

    def ask(path, body):
        request = urllib.request.Request(
            server.listening_address + path,
            data=json.dumps(body).encode(),
            headers={"content-type": "application/json"},
        )
        return json.load(urllib.request.urlopen(request, timeout=120))

    def go_on(ids):
        body = {
            "prompt": ids,
            "n_predict": wanted["tokens"],
            "temperature": 0,
            "top_k": 1,
            "cache_prompt": False,
            "return_tokens": True,
            "n_probs": 2,
            "post_sampling_probs": False,
        }
        answer = ask("/completion", body)
        # By how much the likeliest token leads: where that is next to nothing, either may be taken.
        leads, scores = [], []
        for one in answer.get("completion_probabilities", []):
            best, second = one["top_logprobs"][:2]
            leads.append(best["logprob"] - second["logprob"])
            scores.append(best["logprob"])
        return {"text": answer["content"], "tokens": answer["tokens"], "leads": leads, "logprobs": scores}

    found = {
        "answers": [go_on(ids) for ids in wanted["prompts"]],
        "ids": [ask("/tokenize", {"content": text, "add_special": False, "parse_special": True})["tokens"] for text in wanted["texts"]],
    }
    print("\n" + json.dumps(found))
    sys.stdout.flush()


main()
