"""Log-probabilities of given token ids by Hugging Face transformers, and PEFT where an adapter is given, as JSON.

Arguments: a model folder, an adapter folder or "-", token ids with commas between.
"""

import json
import sys

import torch
from transformers import AutoModelForCausalLM

folder, adapter, ids = sys.argv[1:]
model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")
if adapter != "-":
    from peft import PeftModel

    model = PeftModel.from_pretrained(model, adapter)
tokens = torch.tensor([[int(part) for part in ids.split(",")]])
with torch.no_grad():
    table = torch.log_softmax(model.eval()(tokens).logits.double(), -1)[0, :-1]
print(json.dumps(table.gather(-1, tokens[0, 1:, None])[:, 0].tolist()))
