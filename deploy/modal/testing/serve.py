# For tests: runs one deployment of app.py as Modal would, as far as that goes on one machine.
#   serve.py describe              what app.py declares, as JSON
#   serve.py train|infer SETTINGS  runs its container; SETTINGS is JSON of places and settings of app.py. Ends with its input.
#   serve.py resume SETTINGS       runs the function that looks for jobs that are left

import json
import os
import sys
from pathlib import Path

sys.dont_write_bytecode = True
here = Path(__file__).resolve().parent
sys.path[:0] = [str(here), str(here.parent)]

import app  # noqa: E402
import modal  # noqa: E402


def describe_options(options):
    shown = {name: value for name, value in options.items() if name not in ("image", "secrets", "volumes", "schedule")}
    shown["secrets"] = {each.name: each.required_keys for each in options.get("secrets", [])}
    shown["volumes"] = {
        path: {"name": each.name, "read_only": each.is_read_only, "sub_path": each.sub_path}
        for path, each in options["volumes"].items()
    }
    if "schedule" in options:
        shown["minutes"] = options["schedule"].minutes
    return shown


def describe():
    return {
        name: {
            "classes": {
                class_name: {
                    "options": describe_options(each["options"]),
                    "concurrency": each["class"].concurrency,
                    "methods": {method: [made.kind, made.options] for method, made in each["methods"].items()},
                }
                for class_name, each in declared.classes.items()
            },
            "functions": {function: describe_options(each["options"]) for function, each in declared.functions.items()},
            "image": declared.classes[name.removeprefix("ludic-").capitalize()]["options"]["image"].steps,
            "variable": next(variable for variable, value in vars(app).items() if value is declared),
        }
        for name, declared in modal.apps.items()
    }


def settle(settings):
    for name, value in settings.items():
        if name == "URLS":
            modal.Cls.urls = value
            continue
        before = getattr(app, name)
        setattr(app, name, Path(value) if isinstance(before, Path) else value)


action = sys.argv[1]
if action == "describe":
    print(json.dumps(describe()))
elif action == "resume":
    settle(json.loads(sys.argv[2]))
    app.resume()
else:
    settle(json.loads(sys.argv[2]))
    declared = modal.apps[f"ludic-{action}"].classes[action.capitalize()]
    container = declared["class"]()
    by_kind = {made.kind: name for name, made in declared["methods"].items()}
    getattr(container, by_kind["enter"])()
    getattr(container, by_kind["web_server"])()
    print(json.dumps({"server": container.service.process.pid}), flush=True)
    sys.stdin.read()
    getattr(container, by_kind["exit"])()
    print(json.dumps({"commits": modal.commits, "reloads": modal.reloads, "code": container.service.process.returncode}), flush=True)
    os._exit(0)
