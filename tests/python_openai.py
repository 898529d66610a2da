"""What OpenAI's Python client makes of a server: prints it as JSON. Usage: python_openai.py BASE_URL PASSWORD"""

import json
import sys

import openai

base_url, password = sys.argv[1:]
client = openai.OpenAI(base_url=base_url, api_key=password, max_retries=0)
messages = [{"role": "user", "content": "1|2|3\n4|5|6\n7|8|9\nYour move."}]
ask = {"model": "nano", "messages": messages, "temperature": 0}


def failure(call):
    try:
        call()
    except openai.APIStatusError as error:
        return [type(error).__name__, error.status_code, error.type, error.param, error.code, error.message]


create = client.chat.completions.create
whole = create(**ask)
chunks = list(create(**ask, stream=True, stream_options={"include_usage": True}))
look = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}
calling = {"model": "caller", "messages": [{"role": "user", "content": "Look."}], "tools": [look]}
called = create(**calling, extra_body={"return_token_ids": True})
call = called.choices[0].message.tool_calls[0]
result = {"role": "tool", "tool_call_id": call.id, "content": "blue"}
turns = [*calling["messages"], called.choices[0].message.model_dump(), result]
rated = create(**ask, logprobs=True, top_logprobs=3).choices[0].logprobs.content
print(json.dumps({
    "content": whole.choices[0].message.content,
    "finish": whole.choices[0].finish_reason,
    "streamed": "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices),
    "usage": [whole.usage.total_tokens, chunks[-1].usage.total_tokens],
    "continued": create(**{**ask, "messages": [*messages, whole.choices[0].message.model_dump(), *messages]}).object,
    "replies": len(create(**{**ask, "n": 20, "temperature": 1, "max_tokens": 2}).choices),
    "stopped": create(**ask, stop=["</move>", "</action>"]).choices[0].message.content,
    "top": [len(token.top_logprobs) for token in rated],
    "call": [called.choices[0].finish_reason, call.function.name, json.loads(call.function.arguments)],
    "called": create(**{**calling, "messages": turns}).choices[0].message.content,
    "ids": [len(called.prompt_token_ids) == called.usage.prompt_tokens,
            len(called.choices[0].token_ids) == called.usage.completion_tokens],
    "models": [model.id for model in client.models.list()],
    "model": client.models.retrieve("nano").object,
    "failures": [
        failure(lambda: client.with_options(api_key="wrong").models.list()),
        failure(lambda: create(**{**ask, "model": "no-such-model"})),
        failure(lambda: create(**ask, presence_penalty=1)),
        failure(lambda: create(**ask, extra_body={"guided_regex": "a"})),
        failure(lambda: create(**{**ask, "messages": [{"role": "user", "content": "word " * 50_000}]})),
        failure(lambda: client.models.retrieve("no-such/model")),
    ],
}))
