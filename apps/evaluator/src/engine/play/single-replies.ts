// Single answers: the policy's next reply in a game that a person plays, what it would do in the person's place, and what
// a model thinks of tokens that were written before.

import { findEnvironment } from '@ludic/environments';
import {
  type LanguageModel,
  PolicyError,
  Sampler,
  type SamplingParams,
  Scorer,
  type TokenScorer,
} from '@ludic/inference';
import { type GamePrompt, isReply, LanguageModelPolicy } from '@ludic/policies';
import { stream } from '@ludic/random';
import type { Answers, Hint, ModelPolicy, Position, RequestOf } from '../protocol.ts';
import type { Work } from '../work.ts';
import { expertOf, settingsOf } from './episodes.ts';
import { normalised, replayPosition } from './position.ts';

/** How often a scripted player is asked, to see how it chooses. */
const TRIES = 400;

/** A model that can be asked. */
interface ReadyModel {
  readonly device: string;
  readonly scorer: TokenScorer;
  policy(settings: SamplingParams): Pick<LanguageModelPolicy, 'act'>;
  /** Of tokens of a reply. */
  text(completion: Int32Array): string;
}

/** Our own model that was asked last, ready for the next question. */
let ready: { readonly model: LanguageModel; readonly sampler: Sampler; readonly scorer: Scorer } | undefined;
let last: Promise<unknown> = Promise.resolve();

/** Keeps one model's sampler and scorer between answers, so that their KV caches are used again. */
function prepared(model: LanguageModel): ReadyModel {
  if (ready?.model !== model) {
    ready?.sampler.dispose();
    // A device that is lost frees nothing.
    ready?.scorer.dispose().catch(() => {});
    ready = { model, sampler: new Sampler(model), scorer: new Scorer(model) };
  }
  const { sampler, scorer } = ready;
  return {
    device: model.runtime.device,
    scorer,
    policy: (settings) => new LanguageModelPolicy(model, settings, sampler),
    text: (completion) => model.tokenizer.decode(completion, { skipSpecialTokens: true }),
  };
}

/** One answer after the other, so that a sampler is never disposed while it is in use. */
function ask<T>(
  { name, device }: Pick<ModelPolicy, 'name' | 'device'>,
  { models, report, signal }: Work,
  answer: (model: ReadyModel) => Promise<T>,
): Promise<T> {
  const own = last.then(() => {
    signal.throwIfAborted();
    if (models.isTransformersModel(name)) return models.withTransformersModel(name, device, report, answer);
    return models.withModel(name, device, report, signal, (model) => answer(prepared(model)));
  });
  last = own.catch(() => {});
  return own;
}

/** @throws Error where it is not the policy's turn, PolicyError `prompt_too_long` */
export async function answerReply(
  { position, policy: choice }: RequestOf<'reply'>,
  work: Work,
): Promise<Answers['reply']> {
  const prompt = promptAt(position);
  if (choice.kind === 'scripted') {
    const player = expertOf(position.game, choice.name)();
    return { reply: { text: player.act(prompt.environment, prompt.random), finish: 'stop' }, device: 'script' };
  }
  return ask(choice, work, async (model) => {
    const settings = settingsOf(choice, findEnvironment(position.game.environment));
    const [reply] = await model.policy(settings).act([prompt], { signal: work.signal });
    if (!isReply(reply!)) throw new PolicyError('prompt_too_long', reply!.error);
    return { reply, device: model.device };
  });
}

/** A model's probabilities are computed from its logits; those of a scripted player are counted in `TRIES` replies. */
export async function answerHint(
  { position, policy: choice, candidates }: RequestOf<'hint'>,
  work: Work,
): Promise<Hint> {
  const prompt = promptAt(position);
  if (choice.kind === 'scripted') {
    const makeExpert = expertOf(position.game, choice.name);
    const counts = new Map(candidates.map((reply) => [reply, 0]));
    for (let i = 0; i < TRIES; i++) {
      const reply = makeExpert().act(prompt.environment, stream(position.dynamicsSeed, 'hint', i));
      if (counts.has(reply)) counts.set(reply, counts.get(reply)! + 1);
    }
    return { ...normalised(Array.from(counts.values(), (count) => Math.log(count / TRIES))), device: 'script' };
  }
  return ask(choice, work, async ({ scorer, device }) => ({
    ...normalised(await scorer.replies(prompt.messages, candidates)),
    device,
  }));
}

/** The log-probability of each token of a reply at temperature 1, with the likeliest alternatives. */
export async function answerRate(
  { model: name, device, prompt, completion, alternatives }: RequestOf<'rate'>,
  work: Work,
): Promise<Answers['rate']> {
  return ask({ name, device }, work, async (model) => {
    const tokens = await model.scorer.rate(prompt, completion, alternatives);
    return { tokens, text: model.text(completion), device: model.device };
  });
}

/** @throws Error where it is not the policy's turn */
function promptAt(position: Position): GamePrompt {
  const { prompt, error } = replayPosition(position);
  if (!prompt) throw new Error(error ?? 'It is not the turn of the policy: begin a new game.');
  // Each turn has a stream of its own, so that it does not matter how often the game was played again.
  return { ...prompt, random: stream(position.dynamicsSeed, 'person', position.replies.length) };
}
