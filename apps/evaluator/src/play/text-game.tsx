// Any game by hand: what it says and how it looks, and a line to reply in. The policy may be asked what it would reply.

import { findEnvironment } from '@ludic/environments';
import { type EnvironmentSpec, evaluationStarts } from '@ludic/rollouts';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { replayPosition } from '../engine/play/position.ts';
import type { PolicyChoice, Position } from '../engine/protocol.ts';
import { Button } from '../ui/button.tsx';
import { TextField } from '../ui/fields.tsx';
import { Figure } from '../ui/figures.tsx';
import { Alert, Form } from '../ui/form.tsx';
import { CellBoard } from '../ui/game/cell-board.tsx';
import { useWork } from '../ui/work.tsx';
import './play.css';

export interface TextGameProps {
  readonly game: EnvironmentSpec;
  readonly policy: PolicyChoice;
  /** Of an evaluation whose first game this is. */
  readonly seed: number;
  readonly onNext: () => void;
}

/** The replies are the only state: the rest is computed by playing them in the real environment. */
export function TextGame({ game, policy, seed, onNext }: TextGameProps) {
  const { work, run, stop } = useWork();
  const [replies, setReplies] = useState<readonly string[]>([]);
  const [text, setText] = useState('');
  const place = useRef<HTMLElement>(null);
  const [start] = useMemo(() => evaluationStarts(seed, 1), [seed]);
  const position: Position = { game, seed: start!.seed, dynamicsSeed: start!.dynamicsSeed, replies };
  const { frames, turns, endReason, error, prompt } = replayPosition(position);
  const frame = frames.at(-1);
  const over = endReason !== undefined;
  const reward = turns.reduce((sum, turn) => sum + turn.reward, 0);
  const [rules] = prompt?.messages ?? turns[0]?.prompt ?? [];
  const { replyTag } = findEnvironment(game.environment);

  // What is typed arrives at once, and after each reply.
  useEffect(() => place.current!.querySelector('input')?.focus(), [replies.length]);
  useEffect(() => stop, [stop]);

  const send = () => {
    stop();
    const isWhole = text.includes(`<${replyTag}>`);
    setReplies([...replies, isWhole ? text : `<${replyTag}>${text}</${replyTag}>`]);
    setText('');
  };
  const ask = async () => {
    const answer = await run({ type: 'reply', position, policy });
    if (answer) setText(answer.reply.text);
  };
  return (
    <section class="card table" aria-label="Your game" ref={place}>
      {frame && <CellBoard game={game} state={frame.state} observation={frame.observation} />}
      <div class="beside">
        <p class="turn said" role="status">
          {frame?.observation}
        </p>
        <dl class="numbers">
          <Figure name="Replies" value={replies.length} />
          <Figure name="Reward" value={Number(reward.toFixed(4))} />
        </dl>
        {over ? (
          <div class="work">
            {error === undefined ? (
              <b>{endReason === 'truncated' ? 'No steps are left.' : 'The game is over.'}</b>
            ) : (
              <Alert text={error} />
            )}
            <Button onClick={onNext}>Next game</Button>
          </div>
        ) : (
          <Form onSubmit={send}>
            <TextField
              label="Your reply"
              hint={`It is put into <${replyTag}>…</${replyTag}> where that is missing.`}
              value={text}
              onChange={setText}
            />
            <div class="work">
              <button type="submit" class="go">
                Reply
              </button>
              <Button aria-disabled={work.state === 'running'} onClick={() => work.state !== 'running' && void ask()}>
                {work.state === 'running' ? 'Thinking…' : `Ask ${policy.name}`}
              </Button>
              {work.state === 'failed' && <Alert text={work.message} />}
            </div>
          </Form>
        )}
        <details class="log">
          <summary>The game so far</summary>
          <pre class="text">
            {[rules?.content, ...turns.map((turn) => `${turn.observation}\n› ${turn.reply.text}`)]
              .filter(Boolean)
              .join('\n\n')}
          </pre>
        </details>
      </div>
    </section>
  );
}
