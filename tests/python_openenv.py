"""OpenEnv's own server and client, for tests/python-openenv.test.ts: `serve PORT` a game of guessing, `play URL` a game of ours."""

import json
import sys


def serve(port: int) -> None:
    import random

    import uvicorn
    from openenv.core.env_server import Action, Environment, Observation, State, create_fastapi_app

    class Guess(Action):
        message: str

    class Answer(Observation):
        prompt: str

    class Guessing(Environment):
        SUPPORTS_CONCURRENT_SESSIONS = True

        def __init__(self):
            super().__init__()
            self._state = State()

        def reset(self, seed=None, episode_id=None, **_):
            self.secret = random.Random(seed).randrange(4)
            self._state = State(episode_id=str(seed), step_count=0)
            return Answer(prompt="Guess a number from 0 to 3.", done=False, reward=None)

        def step(self, action, timeout_s=None, **_):
            self._state.step_count += 1
            if action.message == "crash":
                raise ValueError("no such number")
            right = action.message == str(self.secret)
            prompt = "Right." if right else f"It is {'more' if action.message < str(self.secret) else 'less'}."
            return Answer(prompt=prompt, done=right, reward=1.0 if right else -0.1)

        @property
        def state(self):
            return self._state

    uvicorn.run(create_fastapi_app(Guessing, Guess, Answer, max_concurrent_envs=64), host="127.0.0.1", port=port)


def play(url: str) -> None:
    from openenv.core.generic_client import GenericEnvClient

    told = []
    with GenericEnvClient(base_url=url).sync() as env:
        result = env.reset(seed=5)
        told.append([result.observation["text"], result.reward, result.done])
        for cell in range(1, 10):
            result = env.step({"message": f"<move>{cell}</move>"})
            told.append([result.observation["text"], result.reward, result.done])
            if result.done:
                break
        told.append(env.state())
    print(json.dumps(told))


if __name__ == "__main__":
    mode, target = sys.argv[1:]
    serve(int(target)) if mode == "serve" else play(target)
