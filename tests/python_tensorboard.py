"""Reads event files as TensorBoard does and prints every scalar: {tag: [[step, value], ...]}."""

import json
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator, SCALARS

events = EventAccumulator(sys.argv[1], size_guidance={SCALARS: 0})
events.Reload()
print(json.dumps({tag: [[e.step, e.value] for e in events.Scalars(tag)] for tag in events.Tags()["scalars"]}))
