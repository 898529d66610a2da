// A server of Ludic trains a model and evaluates it. Start one, then this:
// LUDIC_BASE_URL=http://127.0.0.1:8000 LUDIC_PASSWORD=… npx node examples/07-service-client.ts my-model

import { ClientError, LudicClient } from 'ludic';

const { LUDIC_BASE_URL: baseUrl = 'http://127.0.0.1:8000', LUDIC_PASSWORD: password } = process.env;
const [name = 'my-model'] = process.argv.slice(2);
const client = new LudicClient({ baseUrl, ...(password !== undefined && { password }) });

try {
  const { status, device } = await client.health();
  console.log(`The server is ${status} and computes on ${device}.`);

  // The answer comes at once, the work goes on as a job.
  const { job_id } = await client.startTraining({
    model_name: 'nano',
    env_type: 'tic_tac_toe',
    output_dir: name,
    max_steps: 3,
    batch_size: 32,
    eval_episodes: 20,
  });
  for await (const event of client.jobEvents(job_id)) {
    if (event.type === 'step') console.log(`step ${event.data.step}: mean reward ${event.data.mean_reward}`);
    if (event.type === 'job') console.log(`The job is ${event.data.status}.`);
  }

  const { results } = await client.evaluatePolicy({ model_path: name, env_type: 'tic_tac_toe', eval_episodes: 20 });
  console.log(`${name} wins ${results.win_rate} of 20 games.`);
} catch (error) {
  // What the server has against a request is a sentence as well: ServiceError.
  if (!(error instanceof ClientError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
