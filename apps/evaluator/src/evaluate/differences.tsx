// Policies against one of them, game by game on the same games, each said in a sentence.

import type { Interval, PairedDifference } from '@ludic/rollouts';
import { useState } from 'preact/hooks';
import { SelectField } from '../ui/fields.tsx';
import { signed, whole } from '../ui/numbers.ts';
import { SuccessAndReward } from '../ui/plots/whiskers.tsx';
import { type Compared, differenceOf, titleOf } from './results.ts';

/** Both policies met the same games: a paired difference tells more than two intervals do. */
export function Differences({ results }: { readonly results: readonly Compared[] }) {
  const titles = results.map((result) => titleOf(result, results));
  const [chosen, setChosen] = useState(titles[0]!);
  const base = Math.max(0, titles.indexOf(chosen));
  const others = results.flatMap((result, i) =>
    i === base ? [] : [{ title: titles[i]!, measured: differenceOf(result, results[base]!) }],
  );
  return (
    <section class="differences" aria-label="Differences on the same games">
      <div class="heading">
        <h3>On the same {whole(results[0]!.games.length)} games</h3>
        <SelectField label="Compared with" value={titles[base]!} choices={titles} onChange={setChosen} />
      </div>
      <SuccessAndReward
        titles={['Difference in success, in percentage points', 'Difference in mean reward']}
        rows={others}
        range={[0, 0]}
        write={[(value) => points(value).replace('.0', ''), rewards]}
      />
      <ul class="sentences">
        {others.map(({ title, measured }) => (
          <li key={title}>{sentence(title, titles[base]!, measured)}</li>
        ))}
      </ul>
    </section>
  );
}

const rewards = (value: number) => signed(value, 2);
const points = (value: number) => signed(100 * value, 1);

/** Says whether the 95 % interval of the difference in success contains 0, and what the rewards say. */
function sentence(
  title: string,
  base: string,
  { success_rate, success_ci95, mean_reward, mean_reward_ci95 }: PairedDifference,
): string {
  const interval = ([low, high]: Interval, write: (value: number) => string) =>
    `95 % interval ${write(low)} to ${write(high)}`;
  const reward = `the mean reward differs by ${rewards(mean_reward)} (${interval(mean_reward_ci95, rewards)})`;
  const told = success_ci95[0] > 0 || success_ci95[1] < 0;
  if (!told)
    return (
      `${title} and ${base} cannot be told apart by success: the difference is ${points(success_rate)} ` +
      `percentage points (${interval(success_ci95, points)}); ${reward}.`
    );
  return (
    `${title} succeeds ${success_rate > 0 ? 'more' : 'less'} often than ${base}, by ` +
    `${points(Math.abs(success_rate)).slice(1)} percentage points (${interval(success_ci95, points)}); ${reward}.`
  );
}
