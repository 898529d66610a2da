// In which order many episodes ask the policy. Games that answer at once go in lockstep: in each round the prompts of all
// are one batch. From the first that answers later on, each goes on when it is ready, and what is ready together is asked
// together.

import type { GamePrompt, NoReply, Policy, Reply } from '@ludic/policies';
import type { RunningEpisode } from './running-episode.ts';

/** Who is asked, and in what order. */
export interface Pace {
  readonly policy: Policy;
  /** Looked at between rounds, and by policies that wait for others. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Whether episodes of games that answer later wait for each other, so that each batch of prompts is the same every time.
   * Default: as the environment says.
   */
  readonly lockstep?: boolean | undefined;
}

/** @param prompt the next one of an episode, which has failed where there is none */
type NextPrompt = (run: RunningEpisode) => GamePrompt | undefined;

/** Opens all games and plays them to their ends. @throws what the policy rejects with; the signal's reason */
export async function playToTheEnd(runs: readonly RunningEpisode[], prompt: NextPrompt, pace: Pace): Promise<void> {
  const { signal, lockstep } = pace;
  let waiting = new Map(runs.map((run) => [run, run.begin()]));
  let open = runs;
  while (open.length > 0) {
    signal?.throwIfAborted();
    const later = open.some((run) => waiting.get(run) !== undefined);
    if (later && !lockstep) return await playAsReady(open, waiting, prompt, pace);
    if (later) await orAborted(Promise.all(waiting.values()), signal);
    const asked = open.filter(isOpen).map((run) => [run, prompt(run)] as const);
    const prompted = asked.filter((one): one is readonly [RunningEpisode, GamePrompt] => one[1] !== undefined);
    open = prompted.map(([run]) => run);
    const prompts = prompted.map(([, asked]) => asked);
    const replies = prompts.length === 0 ? [] : await ask(prompts, pace);
    waiting = new Map(open.map((run, i) => [run, run.play(prompts[i]!.messages, replies[i]!)]));
    open = open.filter((run) => isOpen(run) || waiting.get(run) !== undefined);
  }
}

const isOpen = ({ endReason }: RunningEpisode): boolean => endReason === undefined;

async function ask(prompts: readonly GamePrompt[], { policy, signal }: Pace): Promise<(Reply | NoReply)[]> {
  const replies = await policy.act(prompts, signal && { signal });
  if (replies.length === prompts.length) return replies;
  throw new Error(`${policy.name} gave ${replies.length} replies to ${prompts.length} prompts`);
}

async function playAsReady(
  runs: readonly RunningEpisode[],
  waiting: ReadonlyMap<RunningEpisode, Promise<void> | undefined>,
  prompt: NextPrompt,
  pace: Pace,
): Promise<void> {
  const desk = new PromptDesk(pace);
  const games = runs.map(async (run) => {
    await waiting.get(run);
    while (isOpen(run) && !desk.isClosed) {
      const asked = prompt(run);
      if (asked) await run.play(asked.messages, await desk.reply(asked));
    }
  });
  // Where the policy fails, the games that wait for their own promises are left alone.
  await Promise.race([orAborted(Promise.all(games), pace.signal), desk.failed]);
}

/** Where prompts wait until what is ready at the same moment has come; then they go to the policy as one batch. */
class PromptDesk {
  readonly #pace: Pace;
  #waiting: { readonly prompt: GamePrompt; readonly answer: (reply: Reply | NoReply) => void }[] = [];
  readonly #failure = Promise.withResolvers<never>();
  isClosed = false;

  constructor(pace: Pace) {
    this.#pace = pace;
  }

  /** Rejects with what the policy rejects with. Never resolves. */
  get failed(): Promise<never> {
    return this.#failure.promise;
  }

  reply(prompt: GamePrompt): Promise<Reply | NoReply> {
    if (this.#waiting.length === 0) setTimeout(() => void this.#ask(), 0);
    return new Promise((answer) => this.#waiting.push({ prompt, answer }));
  }

  async #ask(): Promise<void> {
    const batch = this.#waiting;
    this.#waiting = [];
    try {
      this.#pace.signal?.throwIfAborted();
      const replies = await ask(
        batch.map(({ prompt }) => prompt),
        this.#pace,
      );
      for (const [i, { answer }] of batch.entries()) answer(replies[i]!);
    } catch (error) {
      this.isClosed = true;
      this.#failure.reject(error);
    }
  }
}

/** Waits no longer than the signal allows. */
async function orAborted(work: Promise<unknown>, signal: AbortSignal | undefined): Promise<void> {
  if (!signal) {
    await work;
    return;
  }
  const { promise, reject } = Promise.withResolvers<never>();
  const stop = () => reject(signal.reason);
  signal.addEventListener('abort', stop, { once: true });
  try {
    await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
