"""What bench/gpu.ts measures, in PyTorch: seconds of sampling and of training as JSON.

Arguments: `which`, and nothing else, for the versions and the GPU; or a file that says model, prompts and sizes, and the
name of a device.
"""

import json
import statistics
import sys
import time

import torch
import transformers
from transformers import AutoModelForCausalLM

cuda = torch.cuda.is_available()
if sys.argv[1] == "which":
    print(json.dumps({
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "cuda": torch.version.cuda,
        "gpu": torch.cuda.get_device_name(0) if cuda else None,
    }))
    sys.exit()

task = json.load(open(sys.argv[1]))
device = torch.device(sys.argv[2])
torch.manual_seed(0)
model = AutoModelForCausalLM.from_pretrained(task["model"], dtype=torch.float32, attn_implementation="sdpa").to(device)
# Replies go on to their full length.
model.generation_config.eos_token_id = None
model.generation_config.pad_token_id = 0
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=0.0, fused=device.type == "cuda")

length = task["completion_length"]
longest = max(map(len, task["prompts"]))
half = task["precision"] == "float16"
prompts = [prompt for prompt in task["prompts"] for _ in range(task["group_size"])]
ids = torch.tensor([[0] * (longest - len(p)) + p for p in prompts], device=device)
seen = torch.tensor([[0] * (longest - len(p)) + [1] * len(p) for p in prompts], device=device)


def now():
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def products():
    """Matrix products in float16 where that is wanted, weights in float32 in any case."""
    return torch.autocast(device.type, torch.float16, enabled=half)


@torch.no_grad()
def sample():
    model.eval()
    with products():
        whole = model.generate(
            input_ids=ids, attention_mask=seen, do_sample=True, temperature=1.0, top_k=0, top_p=1.0,
            min_new_tokens=length, max_new_tokens=length, use_cache=True,
        )
    return whole[:, longest:]


def learn(replies):
    model.train()
    rewards = (replies.sum(1) % 7).float().reshape(-1, task["group_size"])
    deviations = rewards.std(1, keepdim=True) + 1e-4
    advantages = ((rewards - rewards.mean(1, keepdim=True)) / deviations).reshape(-1, 1)
    tokens = replies.numel()
    # Small gradients pass through float16 too.
    scale = tokens if half else 1
    optimizer.zero_grad(set_to_none=True)
    rows = max(1, min(task["token_budget"] // (longest + length), task["most_points"] // length))
    for at in range(0, len(ids), rows):
        own = slice(at, at + rows)
        fed = torch.cat([ids[own], replies[own]], 1)[:, :-1]
        mask = torch.cat([seen[own], torch.ones_like(replies[own])], 1)[:, :-1]
        positions = (mask.cumsum(1) - 1).clamp(min=0)
        with products():
            logits = model(
                input_ids=fed, attention_mask=mask, position_ids=positions, use_cache=False, logits_to_keep=length,
            ).logits
        table = logits.float().reshape(-1, logits.shape[-1])
        logprobs = -torch.nn.functional.cross_entropy(table, replies[own].reshape(-1), reduction="none")
        logprobs = logprobs.reshape(-1, length)
        ratio = torch.exp(logprobs - logprobs.detach())
        gain = torch.minimum(ratio * advantages[own], ratio.clamp(0.8, 1.2) * advantages[own])
        (-gain.sum() / tokens * scale).backward()
    if half:
        for parameter in model.parameters():
            parameter.grad /= scale
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()


sampling, training = [], []
for update in range(task["warmup"] + task["updates"]):
    begin = now()
    replies = sample()
    between = now()
    learn(replies)
    end = now()
    if update >= task["warmup"]:
        sampling.append(between - begin)
        training.append(end - between)
print(json.dumps({
    "samplingSeconds": statistics.median(sampling),
    "trainingSeconds": statistics.median(training),
    "sampledTokens": replies.numel(),
    "trainedTokens": replies.numel() + int(seen.sum()),
    "allocatedMiB": torch.cuda.max_memory_allocated() / 2**20 if cuda else None,
}))
