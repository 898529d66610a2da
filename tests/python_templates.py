# Renders conversations as Hugging Face transformers does, by apply_chat_template. JSON {cases, tokens} comes in by standard
# input, a list of texts goes out: one for each case {template, messages, tools}. Arguments of calls come as JSON texts.

import json
import sys

from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast

given = json.load(sys.stdin)
for case in given["cases"]:
    for message in case["messages"]:
        for call in message.get("tool_calls", []):
            call["function"]["arguments"] = json.loads(call["function"]["arguments"])
tokenizer = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.WordLevel({"a": 0})), **given["tokens"])
texts = [
    tokenizer.apply_chat_template(
        case["messages"],
        tools=case["tools"],
        chat_template=case["template"],
        add_generation_prompt=True,
        tokenize=False,
    )
    for case in given["cases"]
]
print(json.dumps(texts))
