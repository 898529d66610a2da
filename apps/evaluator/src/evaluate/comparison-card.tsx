// All that is known of policies on the same games: the plot, the table, the differences, the games, and files of it.

import { findEnvironment } from '@ludic/environments';
import { Button } from '../ui/button.tsx';
import { gameTitle } from '../ui/game/game-title.ts';
import { percent, whole } from '../ui/numbers.ts';
import { SuccessAndReward } from '../ui/plots/whiskers.tsx';
import { saveFile } from '../ui/save-file.ts';
import { Differences } from './differences.tsx';
import { GameList } from './game-list.tsx';
import { type Comparison, comparisonCsv, comparisonJson, gamesCsv, titleOf } from './results.ts';
import { ResultsTable } from './results-table.tsx';

/** All results on the same games. A later evaluation of these games adds to the card. */
export function ComparisonCard({ comparison }: { readonly comparison: Comparison }) {
  const { results } = comparison;
  const { environment, config, episodes, seed } = results[0]!.spec;
  const { properties } = findEnvironment(environment).configSchema;
  const changed = Object.entries(config)
    .filter(([name, value]) => name !== 'size' && value !== properties[name]?.default)
    .map(([name, value]) => `${name.replaceAll('_', ' ')} ${String(value)}`);
  const title = `${gameTitle({ environment, config })}, ${whole(episodes)} ${episodes === 1 ? 'game' : 'games'}`;
  const below = ['the same for all', `seed ${seed}`, ...temperatureOf(results), ...changed].join(' · ');
  const file = `ludic-${environment}-seed-${seed}`;
  return (
    <section class="card comparison" aria-label={title}>
      <div class="heading">
        <div>
          <h2>{title}</h2>
          <p>{below}</p>
        </div>
        <div class="buttons">
          <Button onClick={() => download(`${file}.json`, 'application/json', comparisonJson(comparison))}>
            Download JSON
          </Button>
          <Button onClick={() => download(`${file}.csv`, 'text/csv', comparisonCsv(comparison))}>CSV</Button>
          <Button onClick={() => download(`${file}-games.csv`, 'text/csv', gamesCsv(comparison))}>
            CSV of the games
          </Button>
        </div>
      </div>
      <SuccessAndReward
        titles={['Success', 'Mean reward']}
        rows={results.map((result) => ({ title: titleOf(result, results), measured: result.evaluation }))}
        range={[0, 1]}
        write={[(value) => percent(value).replace('.0', ''), (value) => String(Number(value.toFixed(2)))]}
      />
      <ResultsTable comparison={comparison} />
      {results.length > 1 && <Differences results={results} />}
      <GameList comparison={comparison} />
    </section>
  );
}

/** Where it is not the same for all models, their titles say it. */
function temperatureOf(results: Comparison['results']): readonly string[] {
  const all = results.filter(({ entry }) => entry.kind === 'model').map(({ spec }) => spec.temperature);
  return new Set(all).size === 1 ? [`temperature ${all[0]}`] : [];
}

const download = (name: string, type: string, text: string) => saveFile(new Blob([text], { type }), name);
