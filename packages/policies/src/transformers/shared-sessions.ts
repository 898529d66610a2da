// In a browser, the sessions that transformers.js makes of the page's own ONNX Runtime. The library makes its calls in two
// chains of promises, one to load and one to run, and after a failure everything in that chain fails for ever. So nothing
// fails there: what went wrong is kept and thrown here.

import type { RuntimeError } from '@ludic/runtime';
import { asRuntimeError, type SharedBuild } from '@ludic/runtime/internal';
import type { LibraryModel } from './network.ts';

type OrtSession = Awaited<ReturnType<SharedBuild['InferenceSession']['create']>>;
type Create = (model: never, options: { readonly extra?: unknown }) => Promise<OrtSession>;

/**
 * Loads a model whose calls all go through the build, one after the other with all others that make some.
 * @param options of its sessions, by whose `extra` they are known
 * @throws RuntimeError `bad_graph`, `device_lost`, and what `load` throws; later `forward` throws `run_failed`, `device_lost`
 */
export async function withSharedBuild(
  { InferenceSession, call }: SharedBuild,
  options: { readonly extra: object },
  load: () => Promise<LibraryModel>,
): Promise<LibraryModel> {
  const failures = new WeakMap<object, RuntimeError>();
  const made: OrtSession[] = [];
  let refused: RuntimeError | undefined;
  const sessions = InferenceSession as unknown as { create: Create };
  const { create } = sessions;
  sessions.create = async (model, given) => {
    const own = () => create.call(InferenceSession, model, given);
    if (given?.extra !== options.extra) return own();
    try {
      const session = await call(own);
      made.push(session);
      return watched(session, call, failures);
    } catch (error) {
      refused ??= asRuntimeError('bad_graph', 'ONNX Runtime refuses the graph', error);
      return {} as OrtSession;
    }
  };
  try {
    const loaded = await load();
    if (refused) throw refused;
    const { model } = loaded;
    const forward = model.forward.bind(model);
    model.forward = async (inputs) => {
      const outputs = await forward(inputs);
      const failure = failures.get(outputs);
      if (failure) throw failure;
      return outputs;
    };
    return loaded;
  } catch (error) {
    for (const session of made) await session.release();
    throw refused ?? error;
  } finally {
    sessions.create = create;
  }
}

/** The session, with calls that wait for their turn. A run that fails gives nothing, which is noted. */
function watched(session: OrtSession, call: SharedBuild['call'], failures: WeakMap<object, RuntimeError>): OrtSession {
  const run = session.run.bind(session) as (...given: unknown[]) => ReturnType<OrtSession['run']>;
  const release = session.release.bind(session);
  return Object.assign(session, {
    run: async (...given: unknown[]) => {
      try {
        return await call(() => run(...given));
      } catch (error) {
        const nothing = {};
        failures.set(nothing, asRuntimeError('run_failed', 'ONNX Runtime failed', error));
        return nothing;
      }
    },
    // What lay on a lost device is gone already.
    release: () => call(release).catch(() => {}),
  } satisfies Partial<Record<keyof OrtSession, unknown>>);
}
