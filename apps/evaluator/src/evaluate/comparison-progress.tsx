// How far each policy is: a line each, with its speed and its success so far, or why it could not go on.

import { duration, percent, whole } from '../ui/numbers.ts';
import { StageBar, speeds } from '../ui/work.tsx';
import { titleOf } from './results.ts';
import type { EntryProgress, Run } from './use-comparison.ts';

/** One line for each policy, in the order of the form. */
export function ComparisonProgress({ run }: { readonly run: Run }) {
  return (
    <ol class="comparison-progress" aria-label="How far each policy is">
      {run.spec.policies.map((entry, i) => (
        <li key={i} data-state={run.progress[i]!.state}>
          <b>{titleOf({ entry, spec: run.spec }, [])}</b>
          <Line progress={run.progress[i]!} />
        </li>
      ))}
    </ol>
  );
}

function Line({ progress }: { readonly progress: EntryProgress }) {
  switch (progress.state) {
    case 'waiting':
      return <span>waiting</span>;
    case 'stopped':
      return <span>stopped</span>;
    case 'failed':
      return (
        <span class="error" role="alert">
          {progress.message}
        </span>
      );
    case 'done': {
      const { evaluation, seconds, tokens, spec, entry } = progress.result;
      const manner = entry.kind === 'model' ? ` at temperature ${spec.temperature}` : '';
      return (
        <span>
          done: {percent(evaluation.success_rate)} success in {whole(evaluation.total_episodes)} games{manner},{' '}
          {duration(seconds)}
          {speeds(evaluation.total_episodes, tokens, seconds)}
        </span>
      );
    }
    case 'running':
      return <StageBar progress={progress.stage} />;
    default:
      return progress satisfies never;
  }
}
