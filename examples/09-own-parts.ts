// Training with own-parts.ts: an own history, advantages, loss and metric. On the command line:
// ludic train --plugin own-parts.ts --history LAST_TURN --credit rank --loss-type reinforce --env tic_tac_toe --out runs/own

import { createRuntime, decideSettings, loadPlugin, NANO_TRAITS, runTraining } from 'ludic';

const [folder = 'runs/own', steps = '10'] = process.argv.slice(2);

const { callbacks } = await loadPlugin(`${import.meta.dirname}/own-parts.ts`);
const given = { history: 'LAST_TURN', credit: 'rank', loss_type: 'reinforce', steps: Number(steps), batch_size: 64 };
const { settings } = decideSettings({ environment: 'tic_tac_toe', given, model: NANO_TRAITS });

const { step, reason } = await runTraining(
  { kind: 'new', model: 'nano', settings },
  {
    folder,
    runtime: await createRuntime(),
    callbacks,
    onEvent(event) {
      if (event.type !== 'step') return;
      const { step, mean_reward, own_reply_length } = event.metrics;
      console.log(`step ${step}: mean reward ${mean_reward.toFixed(3)}, replies of ${own_reply_length} characters`);
    },
  },
);
console.log(`${reason ?? 'All steps were taken.'} ${folder}/final holds the best model of ${step} steps.`);
