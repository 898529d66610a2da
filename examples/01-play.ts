// A language model plays one game of Tic-Tac-Toe, and the game is printed turn by turn.

import {
  createRuntime,
  findEnvironment,
  groupStarts,
  LanguageModelPolicy,
  openLanguageModel,
  openModel,
  playEpisodes,
  resolveConfig,
  transcript,
} from 'ludic';

// A game and its settings; what is not named has a default.
const definition = findEnvironment('tic_tac_toe');
const config = resolveConfig(definition, { opponent: 'random' });

// The model that is embedded in the package, on the CPU.
const model = await openLanguageModel(await openModel('nano'), await createRuntime());
const policy = new LanguageModelPolicy(model, { temperature: 1, maxCompletionLength: 16, game: definition });

// One group of one episode. The seeds decide everything: run it again and the same game is played.
const starts = groupStarts({ seed: 7, step: 1, groups: 1, groupSize: 1 });
const [episode] = await playEpisodes({ environment: definition, config, history: 'NO_HISTORY', policy, starts });
console.log(transcript(episode!));
policy.dispose();
