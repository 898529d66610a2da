// The games of a policy one by one, with a way to watch each.

import { useState } from 'preact/hooks';
import { Button } from '../ui/button.tsx';
import { SelectField } from '../ui/fields.tsx';
import { Heads, Scroll } from '../ui/figures.tsx';
import { whole } from '../ui/numbers.ts';
import { watchLink } from '../watch/watch-link.ts';
import { policyOf } from './evaluation-spec.ts';
import { type Comparison, titleOf } from './results.ts';

const PAGE = 25;
const ENDS = {
  terminated: 'by the rules',
  truncated: 'step limit',
  context_full: 'context full',
  failed: 'failed',
} as const;

/** The first games of one policy; more are drawn on demand, since an evaluation may have 100,000. */
export function GameList({ comparison: { results } }: { readonly comparison: Comparison }) {
  const titles = results.map((result) => titleOf(result, results));
  const [chosen, setChosen] = useState(titles[0]!);
  const [shown, setShown] = useState(PAGE);
  const result = results[Math.max(0, titles.indexOf(chosen))]!;
  const { games, spec, entry } = result;
  const { environment, config, seed: evaluated } = spec;
  const game = { environment, config, history: entry.history };
  const policy = policyOf(entry, spec);
  return (
    <details class="games">
      <summary>The games one by one</summary>
      <SelectField label="Games of" value={titleOf(result, results)} choices={titles} onChange={setChosen} />
      <Scroll label="Games one by one">
        <table>
          <Heads names={['Game', 'Seed', 'Reward', 'Steps', 'Invalid', 'End', 'Watch']} />
          <tbody>
            {games.slice(0, shown).map(({ seed, reward, steps, invalid, endReason, outcome }, i) => (
              <tr key={seed}>
                <th scope="row" class="number">
                  {i + 1}
                </th>
                <td class="number">{seed}</td>
                <td class="number">{reward.toFixed(2)}</td>
                <td class="number">{steps}</td>
                <td class="number">{invalid}</td>
                <td>{outcome ?? ENDS[endReason]}</td>
                <td>
                  <a href={watchLink({ game, policy, seed: evaluated, episode: i })} aria-label={`Watch game ${i + 1}`}>
                    watch
                  </a>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
      {shown < games.length && (
        <Button onClick={() => setShown(shown + 10 * PAGE)}>Show more of {whole(games.length)}</Button>
      )}
    </details>
  );
}
