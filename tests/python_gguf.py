"""GGUF as others compute it, for tests/python-gguf.test.ts. Reads one JSON of requests from standard input.

blocks              random blocks of each type, with the numbers that gguf reads from them
logprobs            of token ids, by transformers on a GGUF file
ids                 of texts, by the tokenizer that transformers makes of the GGUF file of SmolLM2
"""

import base64
import json
import os
import sys

import numpy as np

TYPES = ["F32", "F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q4_K", "Q5_K", "Q6_K"]
# Where a block holds halves, in bytes from its beginning. Random bits there might be no number.
HALVES = {
    "Q4_0": [0],
    "Q4_1": [0, 2],
    "Q5_0": [0],
    "Q5_1": [0, 2],
    "Q8_0": [0],
    "Q4_K": [0, 2],
    "Q5_K": [0, 2],
    "Q6_K": [208],
}
BLOCKS = 3


def blocks():
    from gguf import GGML_QUANT_SIZES, GGMLQuantizationType
    from gguf.quants import dequantize

    random = np.random.default_rng(1)
    found = {}
    for name in TYPES:
        kind = GGMLQuantizationType[name]
        size = GGML_QUANT_SIZES[kind][1]
        if name in HALVES:
            data = random.integers(0, 256, (BLOCKS, size), dtype=np.uint8)
            for at in HALVES[name]:
                data[:, at : at + 2] = random.normal(0, 0.1, (BLOCKS, 1)).astype(np.float16).view(np.uint8)
            numbers = dequantize(data.reshape(1, -1), kind)
        else:
            exact = random.normal(0, 1, 32).astype(np.float32)
            exact[:4] = [0, -0.0, 6e-8, 65504]
            if name == "BF16":
                data = (exact.view(np.uint32) >> 16).astype(np.uint16).view(np.uint8)
            else:
                data = exact.astype(np.float16 if name == "F16" else np.float32).view(np.uint8)
            numbers = dequantize(data if name != "F32" else data.view(np.float32), kind)
        found[name] = {
            "bytes": base64.b64encode(data.tobytes()).decode(),
            "numbers": base64.b64encode(np.asarray(numbers, dtype=np.float32).tobytes()).decode(),
        }
    return found


def opened(path):
    return {"pretrained_model_name_or_path": os.path.dirname(path), "gguf_file": os.path.basename(path)}


def logprobs(path, rows):
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(**opened(path), dtype=torch.float32)
    found = []
    with torch.no_grad():
        for ids in rows:
            scores = torch.log_softmax(model(torch.tensor([ids])).logits[0].double(), -1)
            found.append([scores[i - 1, ids[i]].item() for i in range(1, len(ids))])
    return found


def ids(path, texts):
    from tokenizers import pre_tokenizers
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(**opened(path))
    # transformers forgets how SmolLM2 splits words, as its tokenizer.json has it: each digit alone.
    words = [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(words)
    return [tokenizer(text, add_special_tokens=False)["input_ids"] for text in texts]


KNOWN = {"blocks": blocks, "logprobs": logprobs, "ids": ids}

if __name__ == "__main__":
    requests = json.load(sys.stdin)
    print(json.dumps([KNOWN[name](*arguments) for name, *arguments in requests]))
