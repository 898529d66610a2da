# W&B's own client, told to make a run or to resume one: wandb_client.py PROJECT ENTITY RUN [RESUME]
# WANDB_BASE_URL and WANDB_API_KEY say where.

import sys
import tempfile

import wandb

project, entity, run = sys.argv[1:4]
resume = sys.argv[4] if len(sys.argv) > 4 else None
with tempfile.TemporaryDirectory() as folder:
    settings = wandb.Settings(
        console="off", silent=True, disable_git=True, disable_code=True, x_disable_meta=True, x_disable_stats=True
    )
    config = None if resume else {"learning_rate": 0.001}
    name = None if resume else "official"
    with wandb.init(
        project=project, entity=entity, id=run, name=name, config=config, dir=folder, resume=resume, settings=settings
    ) as opened:
        for i in range(3):
            opened.log({"train/reward": i / 4})
