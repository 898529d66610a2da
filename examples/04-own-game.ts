// The game of larger.ts, played by its two scripted players.

import { evaluate, findEnvironment, registerEnvironment, resolveConfig, scriptedPolicy } from 'ludic';
import larger from './larger.ts';

// Under its id it can be trained in as well: decideSettings({ environment: 'larger', … }), then runTraining.
registerEnvironment(larger);

const definition = findEnvironment('larger');
const config = resolveConfig(definition, { highest: 20 });
for (const name of ['random', 'expert'] as const) {
  const policy = scriptedPolicy(name, () => definition.experts[name](config));
  const game = { environment: 'larger', config, history: 'NO_HISTORY' } as const;
  const result = await evaluate({ ...game, policy, episodes: 200, seed: 0 });
  console.log(`${name}: mean reward ${result.mean_reward.toFixed(2)}`);
}
