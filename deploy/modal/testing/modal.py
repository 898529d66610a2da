# For tests: the part of Modal's documented interface that app.py uses, without Modal. It records what is declared. An
# argument that Modal does not know, or one of a wrong kind, raises as it would there.
# Names and arguments: the reference at modal.com/docs/reference, client 1.5.

from pathlib import Path, PurePosixPath

apps = {}
commits = []
reloads = []


def is_local():
    return True


def check(condition, message):
    if not condition:
        raise TypeError(message)


class Image:
    def __init__(self, steps=()):
        self.steps = tuple(steps)

    def _then(self, *step):
        return Image((*self.steps, step))

    @staticmethod
    def from_registry(tag, secret=None, *, setup_dockerfile_commands=(), force_build=False, add_python=None):
        check(isinstance(tag, str), "tag")
        return Image([("from_registry", tag, add_python)])

    def entrypoint(self, entrypoint_commands):
        check(isinstance(entrypoint_commands, list), "entrypoint_commands must be a list of strings.")
        return self._then("entrypoint", tuple(entrypoint_commands))

    def apt_install(self, *packages, force_build=False, env=None, secrets=None, gpu=None):
        check(all(isinstance(name, str) for name in packages), "packages")
        return self._then("apt_install", packages)

    def env(self, vars):
        check(all(isinstance(value, str) for value in vars.values()), "Image ENV variables must be strings.")
        return self._then("env", dict(vars))

    def add_local_file(self, local_path, remote_path, *, copy=False):
        check(PurePosixPath(remote_path).is_absolute(), "remote_path must be absolute")
        check(Path(local_path).is_file(), f"{local_path} is no file")
        return self._then("add_local_file", str(local_path), remote_path, copy)

    def add_local_dir(self, local_path, remote_path, *, copy=False, ignore=()):
        check(PurePosixPath(remote_path).is_absolute(), "remote_path must be absolute")
        check(Path(local_path).is_dir(), f"{local_path} is no folder")
        return self._then("add_local_dir", str(local_path), remote_path, copy)

    def run_commands(self, *commands, env=None, secrets=None, volumes=None, gpu=None, force_build=False):
        # What is not copied into the image is there only when a container starts.
        for step in self.steps:
            check(not step[0].startswith("add_local") or step[-1] is True, "build steps after files without copy=True")
        return self._then("run_commands", commands)


class Secret:
    def __init__(self, name, required_keys):
        self.name, self.required_keys = name, required_keys

    @staticmethod
    def from_name(name, *, environment_name=None, required_keys=(), client=None):
        check(isinstance(required_keys, list), "required_keys must be a list")
        return Secret(name, list(required_keys))


class Volume:
    def __init__(self, name, read_only=False, sub_path=None):
        self.name, self.is_read_only, self.sub_path = name, read_only, sub_path

    @staticmethod
    def from_name(name, *, environment_name=None, create_if_missing=False, version=None, create_options=None, client=None):
        return Volume(name)

    def with_mount_options(self, *, read_only=None, sub_path=None):
        return Volume(self.name, bool(read_only), sub_path)

    def commit(self):
        commits.append(self.name)

    def reload(self):
        reloads.append(self.name)


class Period:
    def __init__(self, *, years=0, months=0, weeks=0, days=0, hours=0, minutes=0, seconds=0.0):
        check(isinstance(minutes, int) and minutes > 0, "minutes")
        self.minutes = minutes


class Method:
    """What the decorators of methods make."""

    def __init__(self, function, kind, **options):
        self.function, self.kind, self.options = function, kind, options

    def __get__(self, instance, owner):
        return self if instance is None else self.function.__get__(instance, owner)


def enter(*, snap=False):
    return lambda function: Method(function, "enter")


def exit():  # noqa: A001, Modal's name
    return lambda function: Method(function, "exit")


def web_server(port, *, startup_timeout=5.0, label=None, custom_domains=None, requires_proxy_auth=False):
    check(isinstance(port, int) and 1 <= port <= 65535, "First argument of `@web_server` must be a local port")
    check(startup_timeout > 0, "The `startup_timeout` argument of `@web_server` must be positive.")
    return lambda function: Method(function, "web_server", port=port, startup_timeout=startup_timeout, label=label)


def concurrent(*, max_inputs=None, target_inputs=None):
    check(target_inputs is None or target_inputs <= max_inputs, "`target_inputs` cannot be greater than `max_inputs`.")

    def wrap(user_class):
        user_class.concurrency = {"max_inputs": max_inputs, "target_inputs": target_inputs}
        return user_class

    return wrap


COMMON = {"image", "env", "secrets", "gpu", "serialized", "network_file_systems", "volumes", "cpu", "memory"} | {
    *("ephemeral_disk", "min_containers", "max_containers", "buffer_containers", "scaledown_window", "proxy"),
    *("retries", "timeout", "startup_timeout", "cloud", "region", "routing_region", "nonpreemptible"),
    *("enable_memory_snapshot", "block_network", "restrict_modal_access", "single_use_containers", "i6pn"),
    *("include_source", "experimental_options"),
}


def check_options(options, known):
    unknown = set(options) - known
    check(not unknown, f"unexpected keyword arguments {sorted(unknown)}")
    for name in ("timeout", "scaledown_window", "max_containers", "memory"):
        value = options.get(name, 1)
        check(isinstance(value, int) and value > 0, f"{name} must be a positive whole number")
    check(options.get("timeout", 300) <= 86400, "timeout must be at most 24 hours")
    check(isinstance(options.get("cpu", 1.0), float), "cpu must be a float")
    check(options.get("gpu") is None or isinstance(options["gpu"], str), "gpu must be a string")
    check(all(isinstance(each, Secret) for each in options.get("secrets", [])), "secrets")
    for path, mounted in options.get("volumes", {}).items():
        check(PurePosixPath(path).is_absolute() and isinstance(mounted, Volume), "volumes")
    names = [each.name for each in options.get("volumes", {}).values()]
    check(len(names) == len(set(names)), "a volume can be mounted once")


class App:
    def __init__(self, name, *, image=None, secrets=(), volumes=None, tags=None, include_source=True):
        self.name, self.classes, self.functions = name, {}, {}
        apps[name] = self

    def cls(self, **options):
        check_options(options, COMMON)

        def register(user_class):
            methods = {name: each for name, each in vars(user_class).items() if isinstance(each, Method)}
            self.classes[user_class.__name__] = {"class": user_class, "options": options, "methods": methods}
            return user_class

        return register

    def function(self, **options):
        check_options(options, COMMON | {"schedule", "name", "is_generator"})

        def register(function):
            self.functions[function.__name__] = {"function": function, "options": options}
            return function

        return register


class Cls:
    """A deployed class; its address comes from the test."""

    urls = {}

    def __init__(self, url):
        self.url = url

    @staticmethod
    def from_name(app_name, name, *, environment_name=None, client=None):
        return Cls(Cls.urls[f"{app_name}/{name}"])

    def __call__(self):
        return self

    def __getattr__(self, method):
        check(method == "serve", f"no method {method}")
        return self

    def get_web_url(self):
        return self.url
