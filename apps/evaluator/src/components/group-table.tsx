// A group of games that began alike, side by side: what each member replied, and what each reply was credited with.

import { useState } from 'preact/hooks';
import type { PlayedGroup, PlayedTurn } from '../engine/played-groups.ts';
import { SelectField } from './fields.tsx';

/** Members that are shown before all are asked for. */
const FIRST = 8;

export function GroupTable({ step, groups }: { readonly step: number; readonly groups: readonly PlayedGroup[] }) {
  const [chosen, choose] = useState(0);
  const [all, setAll] = useState(false);
  const group = groups[Math.min(chosen, groups.length - 1)];
  if (!group) return null;
  const members = all ? group.members : group.members.slice(0, FIRST);
  const turns = Math.max(...members.map((member) => member.turns.length));
  const most = Math.max(1e-9, ...members.flatMap((member) => member.turns.map(({ advantage }) => Math.abs(advantage))));
  return (
    <div class="group">
      <div class="group-head">
        <h3>Games of step {step} that began alike</h3>
        {groups.length > 1 && (
          <SelectField
            label="Group"
            value={String(Math.min(chosen, groups.length - 1))}
            choices={groups.map((_, i) => ({ value: String(i), text: `${i + 1}` }))}
            onChange={(value) => choose(Number(value))}
          />
        )}
      </div>
      <p class="hint">
        Each reply with its advantage: <span class="advantage up">better</span> than the others and reinforced, or{' '}
        <span class="advantage down">worse</span> and discouraged.
      </p>
      <div class="scroll">
        <table class="members">
          <caption class="unseen">Replies, advantages and rewards of the members of a group</caption>
          <thead>
            <tr>
              <th scope="col">Game</th>
              <th scope="col">Reward</th>
              {Array.from({ length: turns }, (_, t) => (
                <th scope="col" key={t}>
                  Turn {t + 1}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {members.map((member, i) => (
              <tr key={i}>
                <th scope="row">{i + 1}</th>
                <td class="number">
                  {member.reward.toFixed(2)}
                  <small>{member.end}</small>
                </td>
                {Array.from({ length: turns }, (_, t) => (
                  <Turn key={t} turn={member.turns[t]} most={most} />
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {group.members.length > FIRST && (
        <button type="button" class="link" onClick={() => setAll(!all)} aria-expanded={all}>
          {all ? `Show ${FIRST} games` : `Show all ${group.members.length} games`}
        </button>
      )}
    </div>
  );
}

function Turn({ turn, most }: { readonly turn: PlayedTurn | undefined; readonly most: number }) {
  if (!turn) return <td />;
  const { reply, advantage, invalid } = turn;
  const sign = advantage > 5e-4 ? 'up' : advantage < -5e-4 ? 'down' : '';
  return (
    <td
      class={`advantage ${sign}`}
      style={{ '--strength': `${Math.round(12 + (48 * Math.abs(advantage)) / most)}%` }}
      title={reply}
    >
      <span class="reply">{shortened(reply)}</span>
      <small>
        {sign === 'up' ? '+' : sign === 'down' ? '−' : ''}
        {Math.abs(advantage).toFixed(2)}
        {invalid && ', invalid'}
      </small>
    </td>
  );
}

/** A reply without its tags, as far as it fits. */
function shortened(reply: string): string {
  const text = reply.replaceAll(/<\/?\w+>/g, ' ').trim() || reply.trim() || '(nothing)';
  return text.length > 24 ? `${text.slice(0, 23)}…` : text;
}
