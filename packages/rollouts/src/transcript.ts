// An episode as text, for people.

import type { Episode } from './trajectory.ts';

/** What a line of a transcript is: the rules, what the policy saw, what it replied, or a remark of the program. */
export type Part = 'system' | 'observation' | 'reply' | 'note';

/** The whole game as text. `style` may colour its parts. */
export function transcript(episode: Episode, style: (part: Part, text: string) => string = (_, text) => text): string {
  const lines: string[] = [];
  const system = episode.turns[0]?.prompt.find((message) => message.role === 'system');
  if (system) lines.push(style('system', system.content), '');
  for (const [i, turn] of episode.turns.entries()) {
    const seen = turn.prompt.at(-1)?.content ?? turn.observation;
    lines.push(style('observation', seen), style('reply', `→ ${turn.reply.text}`));
    const notes = [
      ...(turn.reward !== 0 ? [`reward ${turn.reward}`] : []),
      ...(turn.info.invalid ? ['invalid'] : []),
      ...(turn.reply.finish === 'length' ? ['cut off'] : []),
    ];
    if (notes.length > 0) lines.push(style('note', `  (${notes.join(', ')})`));
    if (i < episode.turns.length - 1) lines.push('');
  }
  const end = episode.endReason === 'failed' ? `The game failed: ${episode.error}` : episode.finalObservation;
  lines.push('', style('observation', end));
  if (episode.endReason === 'context_full') lines.push(style('note', `The context is full: ${episode.error}`));
  const outcome = episode.outcome ? `, ${episode.outcome}` : '';
  lines.push(
    style(
      'note',
      `${episode.endReason}${outcome} after ${episode.turns.length} steps, total reward ${Number(episode.reward.toFixed(4))}`,
    ),
  );
  return lines.join('\n');
}
