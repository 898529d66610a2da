// KeyDoor by hand: walk with buttons or arrow keys, and see what an honest player sees.

import { KEY_DOOR_ACTIONS, type KeyDoorAction, type KeyDoorState } from '@ludic/environments';
import { type EnvironmentSpec, evaluationStarts } from '@ludic/rollouts';
import { useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { replayPosition } from '../engine/play/position.ts';
import type { PolicyChoice, Position } from '../engine/protocol.ts';
import { Button } from '../ui/button.tsx';
import { Figure } from '../ui/figures.tsx';
import { KeyDoorGrid } from '../ui/game/key-door-grid.tsx';
import { percent } from '../ui/numbers.ts';
import { Hints, useHints } from './hints.tsx';
import './play.css';

const replyOf = (action: KeyDoorAction) => `<action>${action}</action>`;
const REPLIES = KEY_DOOR_ACTIONS.map(replyOf);
const nameOf = (reply: string) => KEY_DOOR_ACTIONS[REPLIES.indexOf(reply)] ?? reply;
const KEYS: Readonly<Record<string, KeyDoorAction>> = {
  ArrowUp: 'up',
  ArrowDown: 'down',
  ArrowLeft: 'left',
  ArrowRight: 'right',
};
const SIGNS: Readonly<Record<KeyDoorAction, string>> = {
  up: '↑',
  down: '↓',
  left: '←',
  right: '→',
  interact: 'Take or open',
};

/** What the agent has not seen is hidden until the game is over: a person should know no more than a policy. */
export function KeyDoorGame({
  game,
  policy,
  seed,
  onNext,
}: {
  readonly game: EnvironmentSpec;
  readonly policy: PolicyChoice;
  /** Of an evaluation whose first game this is. */
  readonly seed: number;
  readonly onNext: () => void;
}) {
  const hints = useHints(policy, REPLIES);
  const [replies, setReplies] = useState<readonly string[]>([]);
  const first = useRef<HTMLButtonElement>(null);
  const [start] = useMemo(() => evaluationStarts(seed, 1), [seed]);
  const position: Position = { game, seed: start!.seed, dynamicsSeed: start!.dynamicsSeed, replies };
  const { frames, endReason } = replayPosition(position);
  const { state, observation } = frames.at(-1)!;
  const reward = frames.reduce((sum, frame) => sum + (frame.reward ?? 0), 0);
  const over = endReason !== undefined;

  // Keys work at once.
  useLayoutEffect(() => first.current!.focus(), []);

  const act = (action: KeyDoorAction) => {
    if (over) return;
    hints.clear();
    setReplies([...replies, replyOf(action)]);
  };
  const press = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    const action = KEYS[event.key];
    if (!action) return;
    event.preventDefault();
    act(action);
  };
  return (
    <section class="card table" aria-label="Your game" onKeyDown={press}>
      <KeyDoorGrid state={state as KeyDoorState} unseen={over ? 'faint' : 'hidden'} />
      <div class="beside">
        <p class="turn said" role="status">
          {observation}
        </p>
        <dl class="numbers">
          <Figure name="Steps" value={replies.length} />
          <Figure name="Reward" value={Number(reward.toFixed(4))} />
        </dl>
        <fieldset class="pad" aria-label="Actions">
          {KEY_DOOR_ACTIONS.map((action) => {
            const at = hints.hinted?.replies.indexOf(replyOf(action)) ?? -1;
            const chance = at < 0 ? undefined : hints.hinted!.chances[at]!;
            return (
              <Button
                key={action}
                data-action={action}
                aria-label={action}
                aria-disabled={over}
                {...(action === 'interact' && { ref: first })}
                onClick={() => act(action)}
              >
                <span aria-hidden="true">{SIGNS[action]}</span>
                {chance !== undefined && <small>{percent(chance)}</small>}
              </Button>
            );
          })}
        </fieldset>
        <Hints hints={hints} policy={policy} open={!over} nameOf={nameOf} onAsk={() => void hints.ask(position)} />
        {over && (
          <div class="work">
            <b>{endReason === 'terminated' ? 'The door is open.' : 'No steps are left.'}</b>
            <Button onClick={onNext}>Next grid</Button>
          </div>
        )}
      </div>
    </section>
  );
}
