// How far each policy is: a line each, with its speed and its success so far, or why it could not go on.

import type { Progress } from '../engine/protocol.ts';
import { bytes, duration, percent, whole } from '../ui/numbers.ts';
import { Bar, successSoFar } from '../ui/work.tsx';
import { titleOf } from './results.ts';
import type { EntryProgress, Run } from './use-comparison.ts';

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
        <span class="trouble" role="alert">
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
      return <Going progress={progress.progress} />;
    default:
      return progress satisfies never;
  }
}

function Going({ progress }: { readonly progress: Progress | undefined }) {
  if (!progress) return <Bar text="starting" />;
  switch (progress.stage) {
    case 'starting':
      return <Bar text={`starting ONNX Runtime on ${progress.device === 'cpu' ? 'the CPU' : 'WebGPU'}`} />;
    case 'loading': {
      const { file, loaded, total } = progress;
      const text = `${file}: ${bytes(loaded)}${total === undefined ? '' : ` of ${bytes(total)}`}`;
      return <Bar text={text} value={loaded} max={total} />;
    }
    case 'playing': {
      const { played, episodes, tokens, seconds } = progress;
      const text = `${whole(played)} of ${whole(episodes)} games, ${successSoFar(progress)}${speeds(played, tokens, seconds)}`;
      return <Bar text={text} value={played} max={episodes} />;
    }
    default:
      // Of trainings, which are no policies.
      return null;
  }
}

const speeds = (games: number, tokens: number, seconds: number): string =>
  [
    '',
    ...(seconds > 0 ? [`${rate(games / seconds)} games/s`] : []),
    ...(seconds > 0 && tokens > 0 ? [`${rate(tokens / seconds)} tokens/s`] : []),
  ].join(', ');

const rate = (value: number) => (value < 10 ? value.toFixed(1) : whole(value));
