"""The training step of bench/training-step.ts in PyTorch: seconds per step as JSON."""

import json
import statistics
import sys
import time

import torch
from transformers import LlamaConfig, LlamaForCausalLM

width, layers, rows, length, threads = map(int, sys.argv[1:])
torch.set_num_threads(threads)
torch.manual_seed(0)
config = LlamaConfig(
    vocab_size=512, hidden_size=width, intermediate_size=round(width * 8 / 3 / 8) * 8, num_hidden_layers=layers,
    num_attention_heads=8, num_key_value_heads=8, tie_word_embeddings=True, attn_implementation="sdpa",
)
model = LlamaForCausalLM(config)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=0.0)
ids = torch.randint(0, 512, (rows, length + 1))


def step():
    optimizer.zero_grad(set_to_none=True)
    logits = model(ids[:, :-1], use_cache=False).logits
    loss = torch.nn.functional.cross_entropy(logits.reshape(-1, 512), ids[:, 1:].reshape(-1))
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()


step()
times = []
for _ in range(15):
    begin = time.perf_counter()
    step()
    times.append(time.perf_counter() - begin)
print(json.dumps({"seconds": statistics.median(times), "version": torch.__version__}))
