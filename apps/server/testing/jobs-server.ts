// A server of jobs alone, as a process that tests may kill: `npx node jobs-server.ts DATA OPTIONS`. It is told what to accept,
// answers with the job or the error, and tells on request where its jobs' processes are.

import type { EvaluatePolicy, Job, StartTraining } from '@ludic/service';
import { InferencePool } from '../src/inference/pool.ts';
import { openJobs } from '../src/jobs/jobs.ts';

export type ToServer =
  | { readonly type: 'train'; readonly request: StartTraining }
  | { readonly type: 'evaluate'; readonly request: EvaluatePolicy }
  | { readonly type: 'list' };

export type FromServer =
  | { readonly type: 'ready' }
  | { readonly type: 'refused'; readonly message: string }
  | { readonly type: 'job'; readonly job: Job }
  | { readonly type: 'jobs'; readonly jobs: readonly (Job & { readonly pid: number | null })[] };

const [dataFolder, options] = process.argv.slice(2);
const say = (message: FromServer) => process.send!(message);

try {
  const pool = new InferencePool({ threads: 1 });
  const jobs = await openJobs({ dataFolder: dataFolder!, pool, device: 'cpu', timeoutMs: 0, ...JSON.parse(options!) });
  const end = async () => {
    await jobs.stop();
    await pool.close();
    process.exit();
  };
  process.on('disconnect', () => void end());
  process.on('message', async (message: ToServer) => {
    try {
      switch (message.type) {
        case 'train':
          say({ type: 'job', job: (await jobs.submitTraining(message.request, 'tester')).job });
          break;
        case 'evaluate':
          say({ type: 'job', job: await jobs.submitEvaluation(message.request, 'tester') });
          break;
        case 'list': {
          const all = jobs.list({ limit: 1000 });
          say({ type: 'jobs', jobs: all.map((job) => ({ ...job, pid: jobs.pidOf(job.job_id) ?? null })) });
          break;
        }
        default:
          message satisfies never;
      }
    } catch (error) {
      say({ type: 'refused', message: (error as Error).message });
    }
  });
  say({ type: 'ready' });
} catch (error) {
  say({ type: 'refused', message: (error as Error).message });
  process.disconnect();
}
