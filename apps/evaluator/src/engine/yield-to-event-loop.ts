// A worker that computes hears nothing: promises that are fulfilled at once leave no room for messages. So between runs
// of a model, and between rounds of scripted players, it stops for a moment now and then.

import type { Policy } from '@ludic/policies';
import type { Runtime } from '@ludic/runtime';

/** Longest time in ms that messages wait, as far as a single run is not longer. */
const HOLD = 50;

let last = 0;

/** Lets messages in, if it is time. */
export async function yieldToEventLoop(): Promise<void> {
  if (performance.now() - last < HOLD) return;
  // Browsers throttle timers in hidden pages; they do not throttle message channels.
  const { port1, port2 } = new MessageChannel();
  await new Promise<unknown>((resolve) => {
    port1.onmessage = resolve;
    port2.postMessage(undefined);
  });
  port1.close();
  last = performance.now();
}

/** A runtime that lets messages in before each run of a graph. */
export const yieldingRuntime = <R extends Runtime>(runtime: R): R => ({
  ...runtime,
  async load(model, options) {
    const program = await runtime.load(model, options);
    return {
      ...program,
      async run(inputs, into) {
        await yieldToEventLoop();
        return program.run(inputs, into);
      },
    };
  },
});

/** A policy that lets messages in before each of its turns. */
export const yieldingPolicy = (policy: Policy): Policy => ({
  name: policy.name,
  async act(prompts, options) {
    await yieldToEventLoop();
    return policy.act(prompts, options);
  },
  dispose: () => policy.dispose(),
});
