// What a policy would do in the person's place: asked for, shown until the next move.

import { useRef, useState } from 'preact/hooks';
import { legalReplies } from '../engine/play/position.ts';
import type { Hint, PolicyChoice, Position } from '../engine/protocol.ts';
import { Button } from '../ui/button.tsx';
import { Alert } from '../ui/form.tsx';
import { percent } from '../ui/numbers.ts';
import { useWork } from '../ui/work.tsx';

/** A hint with the replies that its chances belong to. */
export interface HintedMove extends Hint {
  /** Replies that the game would accept. */
  readonly replies: readonly string[];
}

/** @param candidates replies that name the moves of the game */
export function useHints(policy: PolicyChoice, candidates: readonly string[]) {
  const { work, run, stop } = useWork();
  const [hinted, setHinted] = useState<HintedMove>();
  const asked = useRef(0);
  const ask = async (position: Position) => {
    const number = ++asked.current;
    const replies = legalReplies(position, candidates);
    const hint = await run({ type: 'hint', position, policy, candidates: replies });
    // Meanwhile the game may have gone on.
    if (hint && number === asked.current) setHinted({ ...hint, replies });
  };
  const clear = () => {
    asked.current++;
    stop();
    setHinted(undefined);
  };
  return { work, hinted, ask, clear };
}

/** The button, and the hint as a list. */
export function Hints({
  hints: { work, hinted },
  policy,
  open,
  nameOf,
  onAsk,
}: {
  readonly hints: Pick<ReturnType<typeof useHints>, 'work' | 'hinted'>;
  readonly policy: PolicyChoice;
  /** Whether there is something to decide. */
  readonly open: boolean;
  /** A reply's move, for people. */
  readonly nameOf: (reply: string) => string;
  readonly onAsk: () => void;
}) {
  const running = work.state === 'running';
  const ranked = hinted?.replies
    .map((reply, i) => ({ reply, chance: hinted.chances[i]! }))
    .sort((a, b) => b.chance - a.chance);
  return (
    <div class="hints">
      {/* Never disabled: it would lose the focus, and with it the keys of the game. */}
      <Button
        aria-disabled={!open || running}
        onClick={() => {
          if (open && !running) onAsk();
        }}
      >
        {running ? 'Thinking…' : 'Show a hint'}
      </Button>
      <div role="status">
        {ranked && hinted && (
          <>
            <p>
              In your place {policy.name} plays {nameOf(ranked[0]!.reply)} with {percent(ranked[0]!.chance)}.{' '}
              {hinted.device !== 'script' && `${percent(hinted.together)} of what it might write is a legal move.`}
            </p>
            <table class="alternatives">
              <caption class="unseen">Moves by probability</caption>
              <tbody>
                {ranked.map(({ reply, chance }) => (
                  <tr key={reply} data-reply={reply} data-chance={chance}>
                    <th scope="row">{nameOf(reply)}</th>
                    <td>
                      <span class="bar" style={{ width: `${100 * chance}%` }} />
                      <span class="number">{percent(chance)}</span>
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </>
        )}
      </div>
      {work.state === 'failed' && work.message !== 'Stopped.' && <Alert text={work.message} />}
    </div>
  );
}
