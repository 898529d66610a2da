// Two policies play the same games: how good is each, and is the difference more than luck?

import {
  createRuntime,
  type Episode,
  evaluate,
  findEnvironment,
  LanguageModelPolicy,
  openLanguageModel,
  openModel,
  type Policy,
  pairedDifference,
  resolveConfig,
  scriptedPolicy,
} from 'ludic';

const definition = findEnvironment('tic_tac_toe');
const config = resolveConfig(definition, { opponent: 'random' });
const model = await openLanguageModel(await openModel('nano'), await createRuntime());

async function gamesOf(policy: Policy): Promise<Episode[]> {
  const games: Episode[] = [];
  const result = await evaluate({
    ...{ environment: definition, config, history: 'NO_HISTORY', policy },
    // The same seed gives both policies the same openings.
    ...{ episodes: 100, seed: 1, onProgress: (_, fresh) => games.push(...fresh) },
  });
  const [low, high] = result.success_ci95;
  console.log(`${policy.name}: ${result.success_rate} of the games won, with 95 % confidence ${low} to ${high}`);
  policy.dispose();
  return games;
}

// Temperature 0 takes the most likely token.
const nano = new LanguageModelPolicy(model, { temperature: 0, maxCompletionLength: 16, game: definition });
const expert = scriptedPolicy('expert', () => definition.experts.expert(config));
const difference = pairedDifference(await gamesOf(expert), await gamesOf(nano), 1);
console.log(`The expert wins ${difference.success_rate} more, between ${difference.success_ci95.join(' and ')}.`);
