# Ludic on Modal: two deployments of the same Node service, for training and for inference. README.md walks through it.
#   modal deploy --strategy recreate deploy/modal/app.py::train
#   modal deploy --strategy recreate deploy/modal/app.py::infer

import os
import shutil
import signal
import sqlite3
import subprocess
import threading
import time
import urllib.request
from pathlib import Path

import modal

# Settings. A change counts from the next deployment.
TRAIN_GPU = "L4"  # None: CPU only
INFER_GPU = "L4"
CPU = 4.0  # cores
MEMORY = 16384  # MiB
SCALEDOWN_WINDOW = 300  # seconds without a request and without a job until a container ends, and its costs with it
JOB_TIMEOUT = 86400  # seconds a job may take; 0: as long as it takes
REQUEST_TIMEOUT = 3600  # seconds an answer may take; after 150 Modal sends clients on to another address to wait there
CONCURRENT_REQUESTS = 10  # evaluations, rollouts and chats at once in a container; more get 429
CONCURRENT_JOBS = 1
INFER_CONTAINERS = 1  # with more, ask for no jobs there: each container knows its own alone
RESUME_MINUTES = 10  # how often jobs are looked for that lost their container
REFRESH_SECONDS = 60  # how often the inference deployment looks for new models
VOLUME_NAME = "ludic-data"
TRAIN_SECRETS = {
    "ludic-auth-secret": ["LUDIC_PASSWORD_HASH"],
    "huggingface-secret": ["HF_TOKEN"],
    "wandb-secret": ["WANDB_API_KEY"],
}
INFER_SECRETS = {
    "ludic-auth-secret": ["LUDIC_PASSWORD_HASH"],
    "huggingface-secret": ["HF_TOKEN"],
}

# Places in the container.
APP = Path("/app")
DATA = Path("/data")
VOLUME = Path("/volume")
PORT = 8000
NODE_IMAGE = "node:24.21.0-bookworm-slim"
PYTHON = "3.12"

SAVE_SECONDS = 5  # how often the list of jobs is copied to the volume
STOP_SECONDS = 20  # Modal gives a container 30 to end

# In a container this file lies elsewhere, and the repository in APP.
root = Path(__file__).resolve().parents[2] if modal.is_local() else APP
FILES = ["package.json", "pnpm-lock.yaml", "pnpm-workspace.yaml", "tsconfig.base.json", "deploy/build.sh"]
FOLDERS = ["apps", "packages"]
LEFT_OUT = ["**/node_modules", "**/dist", "runs", "**/*.test.ts", "**/*.tsbuildinfo"]

image = (
    modal.Image.from_registry(NODE_IMAGE, add_python=PYTHON)
    .entrypoint([])
    # WebGPU on Linux is Vulkan: its loader, and what NVIDIA's driver expects beside it.
    .apt_install("libvulkan1", "libglvnd0", "libgl1", "libegl1", "libx11-6", "libxext6")
    .env({"NVIDIA_DRIVER_CAPABILITIES": "all"})
    .add_local_file(root / "deploy/nvidia_icd.json", "/etc/vulkan/icd.d/nvidia_icd.json", copy=True)
)
for name in FILES:
    image = image.add_local_file(root / name, str(APP / name), copy=True)
for name in FOLDERS:
    image = image.add_local_dir(root / name, str(APP / name), copy=True, ignore=LEFT_OUT)
image = image.run_commands(f"sh {APP}/deploy/build.sh --slim")

volume = modal.Volume.from_name(VOLUME_NAME, create_if_missing=True)
train = modal.App("ludic-train")
infer = modal.App("ludic-infer")


def secrets(wanted):
    return [modal.Secret.from_name(name, required_keys=keys) for name, keys in wanted.items()]


def command(keeps_jobs):
    """What a container runs. Modal speaks HTTPS, reaches the port from inside the container, and may not say how it came."""
    return [
        *("node", "--disable-warning=ExperimentalWarning", str(APP / "apps/cli/src/main.ts"), "serve"),
        *("--host", "0.0.0.0", "--port", str(PORT), "--trust-proxy", "--assume-https"),
        *("--data", str(DATA), "--device", "auto", "--job-timeout", str(JOB_TIMEOUT)),
        # Where jobs are is known who trained a model. Elsewhere every name of the password file may use all.
        *(() if keeps_jobs else ("--share-models",)),
        # A little less, so that the server says why there is no answer.
        *("--request-timeout", str(max(1, REQUEST_TIMEOUT - 30))),
        *("--max-concurrent-jobs", str(CONCURRENT_JOBS), "--max-concurrent-requests", str(CONCURRENT_REQUESTS)),
    ]


def active_jobs(database):
    """The jobs that are not at their end, as (id, status)."""
    if not database.exists():
        return []
    connection = sqlite3.connect(database, timeout=30)
    try:
        return connection.execute("SELECT id, status FROM jobs WHERE status IN ('queued', 'running') ORDER BY id").fetchall()
    finally:
        connection.close()


def ask_health(app_name, class_name):
    """A request from outside: it starts a container where there is none, and else keeps it."""
    url = getattr(modal.Cls.from_name(app_name, class_name)(), "serve").get_web_url()
    with urllib.request.urlopen(f"{url}/health-check", timeout=REQUEST_TIMEOUT) as answer:
        answer.read()


class Service:
    """The server of one container, and who watches over it."""

    def __init__(self, app_name, class_name, keeps_jobs):
        self.app_name, self.class_name, self.keeps_jobs = app_name, class_name, keeps_jobs
        self.ended = threading.Event()
        self.saved = None
        self.asked = time.monotonic()

    def start(self):
        DATA.mkdir(parents=True, exist_ok=True)
        cache = DATA
        if self.keeps_jobs:
            # Models and logs stand on the volume. SQLite would not work reliably there: the list of jobs is on the disk
            # of the container, and copied to the volume whenever it has changed.
            cache = VOLUME
            for name in ("models", "jobs"):
                (VOLUME / name).mkdir(parents=True, exist_ok=True)
                if not (DATA / name).is_symlink():
                    (DATA / name).symlink_to(VOLUME / name)
            if (VOLUME / "ludic.db").exists():
                shutil.copyfile(VOLUME / "ludic.db", DATA / "ludic.db")
        environment = {**os.environ, "HF_HOME": str(cache / "huggingface")}
        # The lines of a password file may stand in the secret too; then they count, and the one hash does not.
        if lines := environment.pop("LUDIC_PASSWORDS", ""):
            (DATA / "passwords.txt").write_text(lines)
            environment.pop("LUDIC_PASSWORD_HASH", None)
            environment["LUDIC_PASSWORD_FILE"] = str(DATA / "passwords.txt")
        # A session of its own: signals for this process do not reach it, `stop` does.
        self.process = subprocess.Popen(command(self.keeps_jobs), env=environment, start_new_session=True)
        self.watcher = threading.Thread(target=self.watch, daemon=True)
        self.watcher.start()

    def watch(self):
        refreshed = time.monotonic()
        while not self.ended.wait(SAVE_SECONDS):
            try:
                if self.keeps_jobs:
                    self.save()
                elif time.monotonic() - refreshed > REFRESH_SECONDS:
                    refreshed = time.monotonic()
                    # Refused while a model is being read; the next time will do.
                    volume.reload()
                # Modal counts requests, not jobs: while there are any, the service asks itself.
                if time.monotonic() - self.asked > SCALEDOWN_WINDOW / 4 and active_jobs(DATA / "ludic.db"):
                    self.asked = time.monotonic()
                    threading.Thread(target=self.keep, daemon=True).start()
            except Exception as error:
                print(f"ludic: {error}", flush=True)

    def keep(self):
        try:
            ask_health(self.app_name, self.class_name)
        except Exception as error:
            print(f"ludic: the container could not be kept by a request: {error}", flush=True)

    def save(self):
        """Copies the list of jobs; what a job's state rests on is made durable at once."""
        database = DATA / "ludic.db"
        if not database.exists():
            return
        state = [part.stat().st_mtime_ns for part in (database, DATA / "ludic.db-wal") if part.exists()]
        if self.saved is not None and self.saved[0] == state:
            return
        jobs = active_jobs(database)
        source, target = sqlite3.connect(database, timeout=30), sqlite3.connect(DATA / "copy.db")
        try:
            source.backup(target)
            # One file, without a log beside it.
            target.execute("PRAGMA journal_mode = DELETE")
        finally:
            source.close()
            target.close()
        shutil.copyfile(DATA / "copy.db", VOLUME / "ludic.db.new")
        os.replace(VOLUME / "ludic.db.new", VOLUME / "ludic.db")
        if self.saved is None or self.saved[1] != jobs:
            volume.commit()
        self.saved = (state, jobs)

    def stop(self):
        self.ended.set()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
        self.watcher.join()
        if self.keeps_jobs:
            self.saved = None
            self.save()


common = {"image": image, "cpu": CPU, "memory": MEMORY, "timeout": REQUEST_TIMEOUT, "scaledown_window": SCALEDOWN_WINDOW}


# One container, never two: a server owns its data folder.
@train.cls(
    **common,
    gpu=TRAIN_GPU,
    secrets=secrets(TRAIN_SECRETS),
    volumes={str(VOLUME): volume},
    max_containers=1,
)
@modal.concurrent(max_inputs=100)
class Train:
    @modal.enter()
    def enter(self):
        self.service = Service("ludic-train", "Train", keeps_jobs=True)
        self.service.start()

    @modal.web_server(PORT, startup_timeout=120, label="ludic-train-serve")
    def serve(self):
        pass

    @modal.exit()
    def exit(self):
        self.service.stop()


# The machine under a container can be taken away at any time, and then nobody asks: this does, where jobs are left.
@train.function(schedule=modal.Period(minutes=RESUME_MINUTES), volumes={str(VOLUME): volume}, timeout=REQUEST_TIMEOUT)
def resume():
    left = active_jobs(VOLUME / "ludic.db")
    if left:
        print(f"ludic: {len(left)} jobs are left", flush=True)
        ask_health("ludic-train", "Train")


# It reads the models of the volume and can change none.
@infer.cls(
    **common,
    gpu=INFER_GPU,
    secrets=secrets(INFER_SECRETS),
    volumes={str(DATA / "models"): volume.with_mount_options(read_only=True, sub_path="models")},
    max_containers=INFER_CONTAINERS,
)
@modal.concurrent(max_inputs=100, target_inputs=CONCURRENT_REQUESTS)
class Infer:
    @modal.enter()
    def enter(self):
        self.service = Service("ludic-infer", "Infer", keeps_jobs=False)
        self.service.start()

    @modal.web_server(PORT, startup_timeout=120, label="ludic-infer-serve")
    def serve(self):
        pass

    @modal.exit()
    def exit(self):
        self.service.stop()
