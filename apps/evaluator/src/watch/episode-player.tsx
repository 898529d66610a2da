// An episode step by step: the board on one side, on the other what the policy was told, what it answered, what came of it
// and what it remembers.

import { currentScratchpad, type Message, readScratchpad } from '@ludic/history';
import type { Episode, Frame } from '@ludic/rollouts';
import type { RecordedEpisode } from '@ludic/rollouts/internal';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { Button } from '../ui/button.tsx';
import { Figure } from '../ui/figures.tsx';
import { Board } from '../ui/game/board.tsx';
import { framesOf } from './frames.ts';
import { type ReadBy, ReplyTokens } from './reply-tokens.tsx';
import './watch.css';

/** Steps a second. */
const SPEEDS = [0.5, 1, 2, 4, 8];

/** The player takes the focus, so that its keys work at once. */
export function EpisodePlayer({
  recorded,
  model,
}: {
  readonly recorded: RecordedEpisode;
  readonly model?: ReadBy | undefined;
}) {
  const { game, episode } = recorded;
  const { frames, error } = useMemo(() => framesOf(recorded), [recorded]);
  const last = episode.turns.length;
  const [step, setStep] = useState(0);
  const [playing, setPlaying] = useState(false);
  const [speed, setSpeed] = useState(1);
  const home = useRef<HTMLElement>(null);
  useEffect(() => {
    setStep(0);
    setPlaying(false);
    home.current!.focus();
  }, [recorded]);
  useEffect(() => {
    if (!playing) return;
    const timer = setInterval(() => setStep((now) => Math.min(last, now + 1)), 1000 / speed);
    return () => clearInterval(timer);
  }, [playing, speed, last]);
  useEffect(() => {
    if (step >= last) setPlaying(false);
  }, [step, last]);

  const go = (to: number) => {
    setPlaying(false);
    setStep(Math.max(0, Math.min(last, to)));
  };
  const toggle = () => {
    if (!playing && step >= last) setStep(0);
    setPlaying(!playing);
  };
  const press = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    const { tagName } = event.target as HTMLElement;
    // Those have keys of their own.
    if (tagName === 'INPUT' || tagName === 'SELECT') return;
    const act = {
      ArrowLeft: () => go(step - 1),
      ArrowRight: () => go(step + 1),
      Home: () => go(0),
      End: () => go(last),
      ' ': tagName === 'BUTTON' ? undefined : toggle,
    }[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  };

  const frame = frames[step];
  const turn = episode.turns[step];
  return (
    <section class="card player" aria-label="The game" tabIndex={-1} ref={home} onKeyDown={press}>
      <div class="stage">
        {frame ? (
          <Board game={game} state={frame.state} observation={frame.observation} />
        ) : (
          <p class="empty">{error ?? 'Nothing to draw.'}</p>
        )}
        <div class="scrubber">
          <input
            type="range"
            min={0}
            max={last}
            value={step}
            aria-label="Step"
            aria-valuetext={nameOf(step, last)}
            onInput={(event) => go(event.currentTarget.valueAsNumber)}
          />
          <div class="buttons">
            <Button aria-label="Previous step" aria-disabled={step === 0} onClick={() => go(step - 1)}>
              ‹
            </Button>
            <Button class="go" onClick={toggle}>
              {playing ? 'Pause' : 'Play'}
            </Button>
            <Button aria-label="Next step" aria-disabled={step === last} onClick={() => go(step + 1)}>
              ›
            </Button>
            <select
              aria-label="Speed"
              value={String(speed)}
              onChange={(event) => setSpeed(Number(event.currentTarget.value))}
            >
              {SPEEDS.map((value) => (
                <option key={value} value={value}>
                  {value} / s
                </option>
              ))}
            </select>
          </div>
          <p class="where" role="status">
            {nameOf(step, last)}
            {turn
              ? `: ${turn.reply.text || 'an empty reply'}${turn.info.invalid ? ', invalid' : ''}`
              : `. ${ending(episode)}`}
          </p>
        </div>
        {error !== undefined && frame && <p class="error">{error}</p>}
      </div>
      <div class="telling">
        {turn ? (
          <>
            <Prompt messages={turn.prompt} />
            <section>
              <h3>Reply</h3>
              <ReplyTokens reply={turn.reply} model={model} />
              <Facts episode={episode} step={step} />
            </section>
            <Memory history={game.history} episode={episode} step={step} frame={frame} />
          </>
        ) : (
          <End episode={episode} />
        )}
      </div>
    </section>
  );
}

/** The exact messages, as the policy saw them. */
function Prompt({ messages }: { readonly messages: readonly Message[] }) {
  const list = useRef<HTMLOListElement>(null);
  // What is new stands below.
  useEffect(() => {
    list.current!.scrollTop = list.current!.scrollHeight;
  }, [messages]);
  return (
    <section>
      <h3>Prompt</h3>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be scrolled by keyboard */}
      <ol class="messages" aria-label="Prompt" tabIndex={0} ref={list}>
        {messages.map(({ role, content }, i) => (
          <li key={i} data-role={role}>
            <b>{role}</b>
            <pre class="text">{content}</pre>
          </li>
        ))}
      </ol>
    </section>
  );
}

/** What the reply of this step earned, and how sure the model was of it. */
function Facts({ episode: { turns }, step }: { readonly episode: Episode; readonly step: number }) {
  const { reward, reply, info } = turns[step]!;
  const sum = turns.slice(0, step + 1).reduce((total, turn) => total + turn.reward, 0);
  const entropies = reply.tokens?.entropies;
  const mean = entropies && entropies.length > 0 && entropies.reduce((a, b) => a + b, 0) / entropies.length;
  return (
    <dl class="numbers">
      <Figure name="Reward" value={short(reward)} />
      <Figure name="So far" value={short(sum)} />
      {typeof mean === 'number' && <Figure name="Mean entropy" value={`${mean.toFixed(2)} nats`} />}
      {reply.tokens && (
        <Figure name="Tokens" value={`${reply.tokens.prompt.length} + ${reply.tokens.completion.length}`} />
      )}
      {(info.invalid || reply.finish === 'length') && (
        <Figure
          name="Marks"
          value={[...(info.invalid ? ['invalid'] : []), ...(reply.finish === 'length' ? ['cut off'] : [])].join(', ')}
          error
        />
      )}
    </dl>
  );
}

/** What the policy knows of earlier steps, as far as that is a text of its own. */
function Memory({
  history,
  episode: { turns },
  step,
  frame,
}: {
  readonly history: RecordedEpisode['game']['history'];
  readonly episode: Episode;
  readonly step: number;
  readonly frame: Frame | undefined;
}) {
  if (history === 'OPTIMAL_SCRATCHPAD') {
    if (!frame || frame.memory === '') return null;
    return (
      <section>
        <h3>Perfect notes</h3>
        <pre class="text">{frame.memory}</pre>
      </section>
    );
  }
  if (history !== 'SCRATCHPAD') return null;
  const before = notesAfter(turns.slice(0, step));
  const written = readScratchpad(turns[step]!.reply.text);
  return (
    <section>
      <h3>Notes</h3>
      <div class="notes">
        <Notes title="As it read them" text={before} />
        {written === undefined ? (
          <p>It wrote none, so these stay.</p>
        ) : (
          <Notes title={written === before ? 'As it wrote them: the same' : 'As it wrote them'} text={written} />
        )}
      </div>
    </section>
  );
}

const Notes = ({ title, text }: { readonly title: string; readonly text: string }) => (
  <div>
    <small>{title}</small>
    <pre class="text">{text || '(empty)'}</pre>
  </div>
);

const notesAfter = (turns: Episode['turns']): string =>
  currentScratchpad(turns.map(({ observation, reply }) => ({ observation, reply: reply.text })));

/** Shown after the last step. */
function End({ episode }: { readonly episode: Episode }) {
  return (
    <section>
      <h3>The end</h3>
      {episode.finalObservation !== '' && <pre class="text">{episode.finalObservation}</pre>}
      <dl class="numbers">
        <Figure name="Ended" value={ending(episode)} error={episode.endReason === 'failed'} />
        <Figure name="Reward" value={short(episode.reward)} />
        <Figure name="Steps" value={String(episode.turns.length)} />
        <Figure name="Invalid replies" value={String(episode.turns.filter(({ info }) => info.invalid).length)} />
      </dl>
    </section>
  );
}

/** How the game ended, in a sentence. */
function ending({ outcome, endReason, error }: Episode): string {
  if (endReason === 'failed') return `The game failed: ${error ?? 'no error was recorded'}`;
  if (endReason === 'truncated') return 'No steps were left.';
  if (endReason === 'context_full')
    return `The context of the model was full: ${error ?? 'the conversation was too long'}`;
  return outcome === undefined ? 'The game is over.' : { win: 'Won.', draw: 'A draw.', loss: 'Lost.' }[outcome];
}

const nameOf = (step: number, last: number) =>
  step < last ? `Step ${step + 1} of ${last}` : `After ${last} ${last === 1 ? 'step' : 'steps'}`;
const short = (value: number) => String(Number(value.toFixed(4)));
