// Programs of one runtime, each loaded when it is first needed.

import type { Program, Runtime } from '@ludic/runtime';

export class Programs {
  readonly #runtime: Runtime;
  readonly #keepOnDevice: readonly string[];
  readonly #loaded = new Map<string, Promise<Program>>();

  /** @param keepOnDevice outputs of every program that stay on the device */
  constructor(runtime: Runtime, keepOnDevice: readonly string[]) {
    this.#runtime = runtime;
    this.#keepOnDevice = keepOnDevice;
  }

  get(name: string, build: () => Uint8Array): Promise<Program> {
    const known = this.#loaded.get(name);
    if (known) return known;
    const program = this.#runtime.load(build(), { keepOnDevice: this.#keepOnDevice });
    this.#loaded.set(name, program);
    return program;
  }

  async dispose(): Promise<void> {
    for (const program of this.#loaded.values()) {
      await program.then(
        (loaded) => loaded.dispose(),
        // One that failed to load has rejected the call that loaded it.
        () => {},
      );
    }
    this.#loaded.clear();
  }
}
