// A group of games that began alike, side by side: what each member replied, and what each reply was credited with.

import type { RecordedTurn } from '@ludic/rollouts/internal';
import { useState } from 'preact/hooks';
import { Button } from '../ui/button.tsx';
import { Heads, Scroll } from '../ui/figures.tsx';
import { endOf, type PlayedGroup } from './played-groups.ts';

/** Members that are shown before all are asked for. */
const FIRST = 8;

/** A row for each game and a column for each turn, coloured by advantage. */
export function GroupTable({
  step,
  group: { observation, members: stored },
  groupSize,
  onWatch,
}: {
  readonly step: number;
  readonly group: PlayedGroup;
  /** Members that there were. */
  readonly groupSize: number;
  readonly onWatch: (member: number) => void;
}) {
  const [all, setAll] = useState(false);
  const members = all ? stored : stored.slice(0, FIRST);
  const turns = Math.max(...members.map((member) => member.turns.length));
  const most = Math.max(1e-9, ...members.flatMap(({ advantages }) => advantages.map(Math.abs)));
  return (
    <>
      <p class="hint">
        Each reply with its advantage: <span class="advantage up">better</span> than the others and reinforced, or{' '}
        <span class="advantage down">worse</span> and discouraged.
        {stored.length < groupSize && ` ${stored.length} of the ${groupSize} games of the group are stored.`}
      </p>
      {observation !== '' && (
        <details class="seen">
          <summary>What all of them saw first</summary>
          <pre>{observation}</pre>
        </details>
      )}
      <Scroll label="Replies side by side">
        <table class="members">
          <caption class="unseen">Replies, advantages and rewards of the members of a group</caption>
          <Heads
            names={['Game', 'Reward', 'On its board', ...Array.from({ length: turns }, (_, t) => `Turn ${t + 1}`)]}
            unseen={['On its board']}
          />
          <tbody>
            {members.map((member, i) => (
              <tr key={i}>
                <th scope="row">{i + 1}</th>
                <td class="number">
                  {member.reward.toFixed(2)}
                  <small>{endOf(member)}</small>
                </td>
                <td>
                  <Button class="link" aria-label={`Watch game ${i + 1} of step ${step}`} onClick={() => onWatch(i)}>
                    Watch
                  </Button>
                </td>
                {Array.from({ length: turns }, (_, t) => (
                  <Turn key={t} turn={member.turns[t]} advantage={member.advantages[t] ?? 0} most={most} />
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
      {stored.length > FIRST && (
        <Button class="link" onClick={() => setAll(!all)} aria-expanded={all}>
          {all ? `Show ${FIRST} games` : `Show all ${stored.length} games`}
        </Button>
      )}
    </>
  );
}

/** The colour is as strong as the advantage is beside the largest of the group. */
function Turn({
  turn,
  advantage,
  most,
}: {
  readonly turn: RecordedTurn | undefined;
  readonly advantage: number;
  readonly most: number;
}) {
  if (!turn) return <td />;
  const { text } = turn.reply;
  const sign = advantage > 5e-4 ? 'up' : advantage < -5e-4 ? 'down' : '';
  return (
    <td
      class={`advantage ${sign}`}
      style={{ '--strength': `${Math.round(10 + (33 * Math.abs(advantage)) / most)}%` }}
      title={text}
    >
      <span class="reply">{shortened(text)}</span>
      <small>
        {sign === 'up' ? '+' : sign === 'down' ? '−' : ''}
        {Math.abs(advantage).toFixed(2)}
        {turn.info?.invalid && ', invalid'}
      </small>
    </td>
  );
}

/** A reply without its tags, as far as it fits. */
function shortened(reply: string): string {
  const text = reply.replaceAll(/<\/?\w+>/g, ' ').trim() || reply.trim() || '(nothing)';
  return text.length > 24 ? `${text.slice(0, 23)}…` : text;
}
