# Renders chat templates as Hugging Face transformers does. JSON {templates, conversations, tokens} comes in by standard
# input, a list of texts goes out: each template with each conversation.

import json
import sys

from transformers.utils.chat_template_utils import _compile_jinja_template

given = json.load(sys.stdin)
texts = [
    _compile_jinja_template(template).render(
        messages=messages, tools=None, documents=None, add_generation_prompt=True, **given["tokens"]
    )
    for template in given["templates"]
    for messages in given["conversations"]
]
print(json.dumps(texts))
