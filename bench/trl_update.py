"""GRPO updates in TRL: median seconds of one as JSON. Arguments: a file that says model, prompts and sizes; threads."""

import json
import statistics
import sys
import time

import torch
import trl
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
from trl import GRPOConfig, GRPOTrainer

task = json.load(open(sys.argv[1]))
torch.set_num_threads(int(sys.argv[2]))
times = []


class Clock(TrainerCallback):
    """A step samples its batch, scores it and takes one optimizer step."""

    def on_step_begin(self, args, state, control, **kwargs):
        self.begin = time.perf_counter()

    def on_step_end(self, args, state, control, **kwargs):
        times.append(time.perf_counter() - self.begin)


trainer = GRPOTrainer(
    model=AutoModelForCausalLM.from_pretrained(task["model"], dtype=torch.float32),
    processing_class=AutoTokenizer.from_pretrained(task["model"]),
    # What the reward says is not measured: any cheap one that differs within a group.
    reward_funcs=lambda completion_ids, **kwargs: [float(sum(ids) % 7) for ids in completion_ids],
    train_dataset=Dataset.from_dict({"prompt": task["prompts"] * (task["updates"] + 2)}),
    args=GRPOConfig(
        output_dir=task["scratch"],
        use_cpu=True,
        bf16=False,
        gradient_checkpointing=False,
        report_to=[],
        save_strategy="no",
        disable_tqdm=True,
        shuffle_dataset=False,
        per_device_train_batch_size=len(task["prompts"]) * task["group_size"],
        num_generations=task["group_size"],
        max_completion_length=task["completion_length"],
        temperature=1.0,
        beta=0.0,
        learning_rate=1e-4,
        max_steps=task["updates"] + 1,
    ),
    callbacks=[Clock()],
)
trainer.train()
# The first warms up.
print(json.dumps({"seconds": statistics.median(times[1:]), "version": trl.__version__}))
