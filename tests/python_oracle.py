"""Training steps of ours computed again with PyTorch alone: network, GRPO losses, advantages, schedule, clipping, AdamW.

Reads FOLDER/NAME.json (settings, batches, what we got) and FOLDER/NAME.bin (weights before the first and after each step,
float32) for each NAME that a line of its input gives, computes every step from our weights before it, and prints one line
of JSON per NAME. Moments are carried along by torch.optim.AdamW. Everything is done in float64, and once more in float32:
where float32 is off as much as we are, the difference is rounding.
"""

import json
import math
import sys

import torch
import torch.nn.functional as F

TOLERANCE = 1e-3


def rotate(x, positions, head, theta):
    frequencies = theta ** (-torch.arange(0, head, 2, dtype=torch.float64) / head)
    angles = torch.outer(positions, frequencies)
    angles = torch.cat([angles, angles], -1)
    left, right = x[..., : head // 2], x[..., head // 2 :]
    return x * angles.cos().to(x.dtype) + torch.cat([-right, left], -1) * angles.sin().to(x.dtype)


def network(config, weight, linear, ids):
    """Logits of a Llama for ids [rows, length]; padding stands at the end, where no earlier token sees it."""
    heads, shared, head = config["num_attention_heads"], config["num_key_value_heads"], config["head_dim"]
    rows, length = ids.shape
    positions = torch.arange(length, dtype=torch.float64)
    hidden = F.embedding(ids, weight["model.embed_tokens.weight"])

    def norm(x, name):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + config["rms_norm_eps"]) * weight[name]

    for layer in range(config["num_hidden_layers"]):
        at = f"model.layers.{layer}."
        x = norm(hidden, at + "input_layernorm.weight")

        def split(name, count):
            return linear(x, at + f"self_attn.{name}_proj").view(rows, length, count, head).transpose(1, 2)

        q = rotate(split("q", heads), positions, head, config["rope_theta"])
        k = rotate(split("k", shared), positions, head, config["rope_theta"]).repeat_interleave(heads // shared, 1)
        v = split("v", shared).repeat_interleave(heads // shared, 1)
        scores = q @ k.transpose(-1, -2) / math.sqrt(head)
        future = torch.ones(length, length, dtype=torch.bool).triu(1)
        mixed = scores.masked_fill(future, -math.inf).softmax(-1) @ v
        hidden = hidden + linear(mixed.transpose(1, 2).reshape(rows, length, heads * head), at + "self_attn.o_proj")
        x = norm(hidden, at + "post_attention_layernorm.weight")
        gate = F.silu(linear(x, at + "mlp.gate_proj")) * linear(x, at + "mlp.up_proj")
        hidden = hidden + linear(gate, at + "mlp.down_proj")
    hidden = norm(hidden, "model.norm.weight")
    return hidden @ weight["model.embed_tokens.weight" if config["tie_word_embeddings"] else "lm_head.weight"].T


class Model:
    def __init__(self, case, dtype):
        self.config, self.lora, self.temperature = case["config"], case.get("lora"), case["settings"]["temperature"]
        self.dtype = dtype

    def tokens(self, weight, samples, adapted=True):
        """log π and entropies [samples, longest reply]."""
        lora = self.lora if adapted else None

        def linear(x, name):
            y = x @ weight[name + ".weight"].T
            if lora and name + ".lora_A.weight" in weight:
                scale = lora["alpha"] / (math.sqrt(lora["rank"]) if lora["rankStabilized"] else lora["rank"])
                y = y + scale * (x @ weight[name + ".lora_A.weight"].T @ weight[name + ".lora_B.weight"].T)
            return y

        sequences = [s["prompt"] + s["completion"] for s in samples]
        longest = max(map(len, sequences))
        ids = torch.tensor([s + [0] * (longest - len(s)) for s in sequences])
        table = (network(self.config, weight, linear, ids) / self.temperature).log_softmax(-1)
        width = max(len(s["completion"]) for s in samples)
        at = torch.tensor(
            [[len(s["prompt"]) - 1 + min(t, len(s["completion"]) - 1) for t in range(width)] for s in samples]
        )
        rows = table[torch.arange(len(samples))[:, None], at]
        logprobs = rows.gather(-1, padded([s["completion"] for s in samples], torch.long)[..., None])[..., 0]
        return logprobs, -(rows.exp() * rows).sum(-1)


def padded(lists, dtype):
    width = max(map(len, lists))
    return torch.tensor([x + [0] * (width - len(x)) for x in lists], dtype=dtype)


def advantages_of(episodes, scale):
    """Of whole episodes: the reward less the mean of the group, over the deviation of the group or of the batch."""
    rewards = [sum(turn["reward"] for turn in e["turns"]) for e in episodes]
    scored = [r for r, e in zip(rewards, episodes) if not e["failed"]]
    result = []
    for reward, episode in zip(rewards, episodes):
        own = torch.tensor(
            [r for r, e in zip(rewards, episodes) if not e["failed"] and e["group"] == episode["group"]],
            dtype=torch.float64,
        )
        over = own if scale == "group" else torch.tensor(scored, dtype=torch.float64)
        divisor = 1 if scale == "none" else (over.std() if len(over) > 1 else 0) + 1e-4
        result.append(0.0 if episode["failed"] else float((reward - own.mean()) / divisor))
    return result


def samples_of(batch, settings):
    """Replies that count, each with its advantage and the weight of its tokens."""
    episodes, kind = batch["episodes"], settings["loss"]["lossType"]
    own = advantages_of(episodes, settings["scaleRewards"]) if settings["credit"] == "episode" else None
    kept = []
    for i, episode in enumerate(episodes):
        for t, turn in enumerate(episode["turns"]):
            cut = settings["maskTruncatedCompletions"] and turn["finish"] == "length"
            if not episode["failed"] and not cut:
                kept.append({**turn, "episode": i, "advantage": own[i] if own else batch["advantages"][i][t]})
    total = sum(len(s["completion"]) for s in kept)
    for s in kept:
        if kind in ("grpo", "sapo"):
            inside = sum(len(o["completion"]) for o in kept if o["episode"] == s["episode"])
            s["weight"] = 1 / inside / len(episodes)
        elif kind == "dr_grpo":
            s["weight"] = 1 / (len(episodes) * settings["maxCompletionLength"])
        else:
            s["weight"] = 1 / total
    return kept


def token_losses(loss, samples, logprobs, entropies, reference, beta, entropy_coefficient):
    dtype = logprobs.dtype
    mask = padded([[1] * len(s["completion"]) for s in samples], dtype)
    sampled = padded([s["old"] for s in samples], dtype)
    # Weights in blocks: the sampler rounds more than the trainer, which corrects for it.
    old = logprobs.detach() if loss["corrected"] else sampled
    ratio_log = (logprobs - old) * mask
    if loss["importanceSamplingLevel"] == "sequence":
        ratio_log = (ratio_log.sum(1, keepdim=True) / mask.sum(1, keepdim=True)).expand_as(mask)
    ratio = ratio_log.exp()
    advantage = torch.tensor([[s["advantage"]] for s in samples], dtype=dtype)
    if loss["corrected"]:
        advantage = advantage * (old - sampled).exp().clamp(max=2)
    kind = loss["lossType"]
    if kind == "cispo":
        values = -ratio.clamp(max=loss["epsilonHigh"]).detach() * advantage * logprobs
    elif kind == "sapo":
        heat = torch.where(advantage > 0, loss["sapoTemperaturePos"], loss["sapoTemperatureNeg"]).to(dtype)
        values = -(torch.sigmoid(heat * (ratio - 1)) * 4 / heat) * advantage
    else:
        clipped = ratio.clamp(1 - loss["epsilon"], 1 + loss["epsilonHigh"])
        free = ratio.clamp(max=loss["delta"]) if "delta" in loss else ratio
        values = -torch.min(free * advantage, clipped * advantage)
    if beta > 0:
        distance = reference - logprobs
        kl = distance.exp() - distance - 1
        values = values + beta * (kl * ratio if loss["useBiasCorrectionKl"] else kl)
    values = values - entropy_coefficient * entropies
    return values * mask * torch.tensor([[s["weight"]] for s in samples], dtype=dtype)


def rate_at(settings, step):
    rate, warmup, steps = settings["learningRate"], settings["warmupSteps"], settings["steps"]
    if step <= warmup:
        return rate * step / (warmup + 1)
    done = (step - 1 - warmup) / (steps - warmup)
    shares = {"constant": 1, "linear": 1 - done, "cosine": (1 + math.cos(math.pi * done)) / 2}
    if settings["schedule"] == "constant":
        return rate
    return rate * (settings["finalRate"] + (1 - settings["finalRate"]) * shares[settings["schedule"]])


def compute(case, weights, dtype):
    """For each step: loss, size of its terms, norm, and per trained tensor update, first and second moment."""
    settings, model = case["settings"], Model(case, dtype)
    frozen = {name: value.to(dtype) for name, value in weights["frozen"].items()}
    parameters = {name: value.to(dtype, copy=True).requires_grad_() for name, value in weights["steps"][0].items()}
    start = {name: value.detach().clone() for name, value in parameters.items()}
    adamw = settings["adamw"]
    # As Hugging Face's trainers choose: matrices decay, norms and biases do not.
    groups = [
        {"params": [p for p in parameters.values() if (p.dim() > 1) == decays], "weight_decay": decay}
        for decays, decay in ((True, adamw["weightDecay"]), (False, 0))
    ]
    optimizer = torch.optim.AdamW(
        [group for group in groups if group["params"]],
        betas=(adamw["beta1"], adamw["beta2"]),
        eps=adamw["epsilon"],
    )
    for step in range(1, settings["steps"] + 1):
        with torch.no_grad():
            for name, parameter in parameters.items():
                parameter.copy_(weights["steps"][step - 1][name])
        samples = samples_of(case["batches"][(step - 1) // settings["numIterations"]], settings)
        left = 1 - (1 - settings["finalExploration"]) * (step - 1) / settings["steps"]
        beta = settings["loss"]["beta"] * left
        reference = None
        if beta > 0:
            with torch.no_grad():
                reference, _ = model.tokens({**frozen, **start}, samples, adapted=False)
        logprobs, entropies = model.tokens({**frozen, **parameters}, samples)
        entropy_coefficient = settings["loss"]["entropyCoefficient"] * left
        terms = token_losses(settings["loss"], samples, logprobs, entropies, reference, beta, entropy_coefficient)
        optimizer.zero_grad()
        terms.sum().backward()
        most = adamw["maxGradNorm"] or math.inf
        norm = torch.nn.utils.clip_grad_norm_(list(parameters.values()), most)
        rate = rate_at(settings, step)
        for group in optimizer.param_groups:
            group["lr"] = rate
        before = {name: p.detach().clone() for name, p in parameters.items()}
        optimizer.step()
        yield {
            "loss": terms.sum().item(),
            "size": terms.abs().sum().item(),
            "norm": norm.item(),
            "rate": rate,
            "update": {name: (p.detach() - before[name]).double() for name, p in parameters.items()},
            "first": {name: optimizer.state[p]["exp_avg"].double() for name, p in parameters.items()},
            "second": {name: optimizer.state[p]["exp_avg_sq"].double() for name, p in parameters.items()},
        }


def compare(case, weights):
    adamw, steps = case["settings"]["adamw"], []
    exact = compute(case, weights, torch.float64)
    rounded = compute(case, weights, torch.float32)
    for step, (true, single, ours) in enumerate(zip(exact, rounded, case["got"]), 1):
        worst, theirs, elements, wrong = 0.0, 0.0, 0, 0
        for name, update in true["update"].items():
            before, after = weights["steps"][step - 1][name].double(), weights["steps"][step][name].double()
            difference = ((after - before) - update).abs()
            size = update.norm().item()
            # A weight is stored as float32: half of its last digit, twice.
            stored = before.abs() * 2**-23 + 1e-45
            worst = max(worst, max(0.0, difference.norm().item() - stored.norm().item()) / (size or 1))
            theirs = max(theirs, (single["update"][name] - update).norm().item() / (size or 1))
            # What float32 makes of the gradients moves an update by this much.
            noise = (single["first"][name] - true["first"][name]).pow(2).mean().sqrt()
            bias = math.sqrt(1 - adamw["beta2"] ** step)
            scale = true["rate"] * bias / (1 - adamw["beta1"] ** step)
            rounding = 16 * scale * noise / (true["second"][name].sqrt() + adamw["epsilon"] * bias)
            allowed = TOLERANCE * update.abs() + stored + rounding
            elements += update.numel()
            wrong += int((difference > allowed).sum())
        steps.append(
            {
                "loss": abs(ours["loss"] - true["loss"]) / (true["size"] or 1),
                "norm": abs(ours["norm"] - true["norm"]) / (true["norm"] or 1),
                "update": worst,
                "rounded": theirs,
                "wrong": wrong / elements,
            }
        )
    return steps


def read(folder, name):
    with open(f"{folder}/{name}.json", encoding="utf8") as file:
        case = json.load(file)
    case["settings"]["loss"]["corrected"] = "baseBits" in case["settings"]
    with open(f"{folder}/{name}.bin", "rb") as file:
        numbers = torch.frombuffer(bytearray(file.read()), dtype=torch.float32)
    at = 0

    def tensors(shapes):
        nonlocal at
        found = {}
        for tensor, shape in shapes.items():
            found[tensor] = numbers[at : at + math.prod(shape)].view(shape)
            at += math.prod(shape)
        return found

    frozen = tensors(case["frozen"])
    steps = [tensors(case["trained"]) for _ in range(case["settings"]["steps"] + 1)]
    return case, {"frozen": frozen, "steps": steps}


if __name__ == "__main__":
    torch.set_num_threads(1)
    for each in map(str.strip, sys.stdin):
        print(json.dumps({"name": each, "steps": compare(*read(sys.argv[1], each))}), flush=True)
