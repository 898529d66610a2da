"""Walks the service from a password's hash to a trained model, its evaluation and a game, with the standard library alone.

Usage: service_walk.py DATA_FOLDER LUDIC... where LUDIC... is the command that runs Ludic. Prints what was answered as JSON.
"""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request

data, *ludic = sys.argv[1:]
PASSWORD = "correct horse battery"

hashed = subprocess.run([*ludic, "hash-password"], input=PASSWORD + "\n", capture_output=True, text=True, check=True)
server = subprocess.Popen(
    [*ludic, "serve", "--data", data, "--port", "0", "--device", "cpu"],
    env={**os.environ, "LUDIC_PASSWORD_HASH": hashed.stdout.strip()},
    stdout=subprocess.DEVNULL,
    stderr=subprocess.PIPE,
    text=True,
)


def request(method, path, body=None, password=PASSWORD):
    headers = {"Content-Type": "application/json"}
    if password is not None:
        headers["Authorization"] = "Bearer " + password
    sent = None if body is None else json.dumps(body).encode()
    return urllib.request.urlopen(urllib.request.Request(url + path, sent, headers, method=method), timeout=100)


def call(*arguments, **options):
    with request(*arguments, **options) as answer:
        return json.load(answer)


def refusal(*arguments, **options):
    try:
        call(*arguments, **options)
    except urllib.error.HTTPError as error:
        return {"status": error.code, **json.load(error)}


try:
    url = next(found[1] for line in server.stderr if (found := re.search(r"listens on (http:\S+);", line)))
    walked = {"health": call("GET", "/health-check", password=None)}
    walked["refused"] = refusal("GET", "/jobs", password=None)
    started = walked["started"] = call("POST", "/start-training", {
        "model_name": "nano", "env_type": "key_door", "output_dir": "walked", "learning_rate": 0.001, "batch_size": 16,
        "max_steps": 2, "rollout_max_steps": 8, "eval_episodes": 10, "tensor_parallel_size": 1,
    })
    job = "/jobs/" + started["job_id"]
    with request("GET", job + "/events") as events:
        walked["events"] = [line.decode().split(": ")[1].strip() for line in events if line.startswith(b"event: ")]
    walked["job"] = call("GET", job)
    game = {"model_path": "walked", "env_type": "key_door", "max_steps": 8}
    walked["evaluation"] = call("POST", "/evaluate-policy", {**game, "eval_episodes": 5, "include_trajectories": False})
    walked["rollout"] = call("POST", "/generate-rollout", {**game, "seed": 7})
finally:
    server.send_signal(signal.SIGTERM)
    code = server.wait()
print(json.dumps({**walked, "exit": code}))
