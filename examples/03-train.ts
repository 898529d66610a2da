// GRPO in a folder: npx node examples/03-train.ts runs/first. Ten steps teach little; name more, and start it again after
// Ctrl-C with `ludic train --out runs/first --resume`.

import { createRuntime, decideSettings, NANO_TRAITS, runTraining } from 'ludic';

const [folder = 'runs/example', steps = '10'] = process.argv.slice(2);

// What is given stays; the rest is chosen for the game and the model, and each choice has its reason.
const { settings, choices } = decideSettings({
  environment: 'tic_tac_toe',
  given: { steps: Number(steps), batch_size: 64 },
  model: NANO_TRAITS,
});
for (const choice of choices) console.log(choice);

const { best } = await runTraining(
  { kind: 'new', model: 'nano', settings },
  {
    folder,
    runtime: await createRuntime(),
    onEvent(event) {
      if (event.type === 'step')
        console.log(`step ${event.metrics.step}: mean reward ${event.metrics.mean_reward.toFixed(3)}`);
      if (event.type === 'evaluation') console.log(`evaluation: ${event.evaluation.success_rate} of the games won`);
    },
  },
);
console.log(`${folder}/final holds the model of step ${best?.step}.`);
