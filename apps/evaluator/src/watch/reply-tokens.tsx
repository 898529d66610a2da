// A reply token by token, coloured by how likely the model finds each; for the one that is pointed at or focused, what it
// might have written instead.

import type { RatedToken } from '@ludic/inference';
import type { Reply } from '@ludic/policies';
import { useEffect, useState } from 'preact/hooks';
import { useAppContext } from '../app-context.tsx';
import type { DeviceChoice } from '../engine/models/library.ts';
import { Button } from '../ui/button.tsx';
import { percent } from '../ui/numbers.ts';
import './reply-tokens.css';

/** The model that rates the tokens, and where it computes. */
export interface ReadBy {
  /** Name of a model that is here. */
  readonly name: string;
  readonly device: DeviceChoice;
}

/** Rivals told of each token. */
const ALTERNATIVES = 6;

type Ratings =
  | { readonly state: 'loading' }
  | { readonly state: 'rated'; readonly tokens: readonly RatedToken[] }
  | { readonly state: 'none'; readonly why: string };

/** Of replies that were looked at, by the model that looked. */
const known = new WeakMap<Reply, Map<string, Ratings>>();

/** Asks for the ratings once for each reply and model; they are kept as long as the reply is. */
function useRatings(reply: Reply, model: ReadBy | undefined): Ratings {
  const { engine } = useAppContext();
  const key = model ? `${model.device} ${model.name}` : '';
  const [, setCount] = useState(0);
  useEffect(() => {
    if (!model || !reply.tokens || known.get(reply)?.has(key)) return;
    const note = (ratings: Ratings) => {
      if (!known.has(reply)) known.set(reply, new Map());
      known.get(reply)!.set(key, ratings);
      setCount((count) => count + 1);
    };
    const { prompt, completion } = reply.tokens;
    const { name, device } = model;
    const controller = new AbortController();
    engine.ask({ type: 'rate', model: name, device, prompt, completion, alternatives: ALTERNATIVES }, controller).then(
      ({ tokens, text }) => {
        const own = text === reply.text;
        note(own ? { state: 'rated', tokens } : { state: 'none', why: `The tokens are not those of ${name}.` });
      },
      (error: Error) => {
        if (!controller.signal.aborted) note({ state: 'none', why: error.message });
      },
    );
    return () => controller.abort();
  }, [engine, reply, key]);
  if (!reply.tokens)
    return { state: 'none', why: 'There are no tokens to look at: a script wrote it, or its text alone was kept.' };
  if (!model) return { state: 'none', why: 'No model is chosen that could tell how likely its tokens were.' };
  return known.get(reply)?.get(key) ?? { state: 'loading' };
}

/** Without ratings the plain text is shown, and why there are none. */
export function ReplyTokens({ reply, model }: { readonly reply: Reply; readonly model: ReadBy | undefined }) {
  const ratings = useRatings(reply, model);
  const [chosen, setChosen] = useState(0);
  // The first token is selected until another is pointed at.
  useEffect(() => setChosen(0), [reply]);
  if (ratings.state !== 'rated') {
    return (
      <>
        <pre class="text">{reply.text || '(nothing)'}</pre>
        <small role="status">{ratings.state === 'loading' ? 'Looking at its tokens…' : ratings.why}</small>
      </>
    );
  }
  const { tokens } = ratings;
  const at = Math.min(chosen, tokens.length - 1);
  return (
    <>
      <div class="tokens">
        {tokens.map(({ text, logprob }, i) => (
          <Button
            key={i}
            class="token"
            data-level={levelOf(logprob)}
            aria-pressed={i === at}
            aria-label={`${visible(text)}, ${percent(Math.exp(logprob))}`}
            onPointerEnter={() => setChosen(i)}
            onFocus={() => setChosen(i)}
            onClick={() => setChosen(i)}
          >
            {visible(text)}
          </Button>
        ))}
      </div>
      {tokens[at] && (
        <Alternatives
          token={tokens[at]}
          number={at + 1}
          of={tokens.length}
          entropy={reply.tokens?.entropies[at]}
          sampled={reply.tokens?.logprobs[at]}
        />
      )}
    </>
  );
}

/** The likeliest tokens at a place, and the one that was written where it is not among them. */
function Alternatives({
  token,
  number,
  of,
  entropy,
  sampled,
}: {
  readonly token: RatedToken;
  readonly number: number;
  readonly of: number;
  /** In nats, of the distribution that it was drawn from. */
  readonly entropy: number | undefined;
  /** Its log-probability there. */
  readonly sampled: number | undefined;
}) {
  const shown = token.alternatives.some((one) => one.text === token.text && one.logprob === token.logprob)
    ? token.alternatives
    : [...token.alternatives, token];
  return (
    <table class="alternatives" aria-live="polite">
      <caption>
        Token {number} of {of}
        {sampled !== undefined && `, drawn with ${percent(Math.exp(sampled))}`}
        {entropy !== undefined && `, entropy ${entropy.toFixed(2)} nats`}
      </caption>
      <thead class="unseen">
        <tr>
          <th scope="col">Token</th>
          <th scope="col">Probability</th>
        </tr>
      </thead>
      <tbody>
        {shown.map((one, i) => (
          <tr key={i} data-chosen={one.text === token.text && one.logprob === token.logprob}>
            <th scope="row">
              <code>{visible(one.text)}</code>
            </th>
            <td>
              <span class="bar" style={{ width: `${100 * Math.exp(one.logprob)}%` }} />
              <span class="number">{percent(Math.exp(one.logprob))}</span>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** White space that would not be seen. */
const visible = (text: string) =>
  text.replaceAll('\n', '↵').replace(/^ +| +$/g, (spaces) => '␣'.repeat(spaces.length)) || '(empty)';

/** From sure (0) to a surprise (4). */
function levelOf(logprob: number): number {
  const chance = Math.exp(logprob);
  return [0.9, 0.6, 0.3, 0.1].filter((least) => chance < least).length;
}
