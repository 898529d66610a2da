// A question to the engine that takes its time: how far it is, how to stop it, what went wrong.

import type { LudicError } from '@ludic/io';
import { useCallback, useRef, useState } from 'preact/hooks';
import { useAppContext } from '../app-context.tsx';
import { type Answers, isNews, type Progress, type Request, type RequestOf, type Stage } from '../engine/protocol.ts';
import { Button } from './button.tsx';
import { Alert } from './form.tsx';
import { bytes, duration, percent, whole } from './numbers.ts';

/** A request to the engine: none yet or answered, on its way, or failed. */
export type WorkState =
  | { readonly state: 'idle' }
  | { readonly state: 'running'; readonly progress: Stage | undefined }
  | { readonly state: 'failed'; readonly code: string; readonly message: string };

/** One piece of work at a time. */
export function useWork() {
  const { engine } = useAppContext();
  const [work, setWork] = useState<WorkState>({ state: 'idle' });
  const controller = useRef<AbortController | undefined>(undefined);
  /** Undefined where there is no answer; why not stands in `work`. */
  const run = useCallback(
    async <Type extends Request['type']>(
      request: RequestOf<Type>,
      onProgress: (progress: Progress) => void = () => {},
    ): Promise<Answers[Type] | undefined> => {
      controller.current = new AbortController();
      setWork({ state: 'running', progress: undefined });
      try {
        const answer = await engine.ask<Type>(request, {
          signal: controller.current.signal,
          onProgress(progress) {
            if (!isNews(progress)) setWork({ state: 'running', progress });
            onProgress(progress);
          },
        });
        setWork({ state: 'idle' });
        return answer;
      } catch (error) {
        const { code, message } = error as LudicError;
        setWork({ state: 'failed', code, message });
        return undefined;
      }
    },
    [engine],
  );
  const stop = useCallback(() => controller.current?.abort(), []);
  return { work, run, stop };
}

/** The button that begins, the one that stops, and how far it is. */
export function WorkBar({
  work,
  start,
  stopText = 'Stop',
  stop,
}: {
  readonly work: WorkState;
  readonly start: string;
  readonly stopText?: string;
  readonly stop: () => void;
}) {
  const running = work.state === 'running';
  return (
    <div class="work">
      <button type="submit" class="go" disabled={running}>
        {start}
      </button>
      <Button onClick={stop} disabled={!running}>
        {stopText}
      </Button>
      <div class="status" role="status">
        {running && <StageBar progress={work.progress} />}
      </div>
      {work.state === 'failed' && <Alert text={work.message} />}
    </div>
  );
}

/** How far it is, for work whose buttons are elsewhere. */
export function WorkStatus({ work }: { readonly work: WorkState }) {
  return (
    <>
      <div class="status" role="status">
        {work.state === 'running' && <StageBar progress={work.progress} />}
      </div>
      <p class="error" role="alert">
        {work.state === 'failed' ? work.message : ''}
      </p>
    </>
  );
}

/** A progress bar with its text; without a known total the bar is indeterminate. */
export function StageBar({ progress }: { readonly progress: Stage | undefined }) {
  if (!progress) return <Bar text="Starting" />;
  switch (progress.stage) {
    case 'starting':
      return <Bar text={`Starting ONNX Runtime on ${progress.device === 'cpu' ? 'the CPU' : 'WebGPU'}`} />;
    case 'loading': {
      const { file, loaded, total } = progress;
      const text = `${file}: ${bytes(loaded)}${total === undefined ? '' : ` of ${bytes(total)}`}`;
      return <Bar text={text} value={loaded} max={total} />;
    }
    case 'playing': {
      const { played, episodes, success_rate, temperature, tokens, seconds } = progress;
      const sampled = temperature === undefined ? '' : ` at temperature ${temperature}`;
      const text = `${whole(played)} of ${whole(episodes)} games, ${percent(success_rate)} success so far${sampled}`;
      return <Bar text={`${text}${speeds(played, tokens, seconds)}`} value={played} max={episodes} />;
    }
    case 'learning': {
      const { step, steps, seconds } = progress;
      const left =
        seconds === undefined
          ? ''
          : `, ${duration(seconds)} a step, about ${duration(seconds * (steps - step + 1))} left`;
      return <Bar text={`Step ${step} of ${steps}${left}`} value={step - 1} max={steps} />;
    }
    case 'teaching':
      return (
        <Bar
          text={`Learning the reply format, step ${progress.step} of ${progress.steps}`}
          value={progress.step}
          max={progress.steps}
        />
      );
    case 'finishing':
      return <Bar text="Evaluating what was learned" />;
    default:
      return progress satisfies never;
  }
}

/** `, 120 games/s, 3,400 tokens/s`: what follows how far it is, once that can be measured. */
export const speeds = (games: number, tokens: number, seconds: number): string =>
  [
    '',
    ...(seconds > 0 ? [`${rate(games / seconds)} games/s`] : []),
    ...(seconds > 0 && tokens > 0 ? [`${rate(tokens / seconds)} tokens/s`] : []),
  ].join(', ');

const rate = (value: number) => (value < 10 ? value.toFixed(1) : whole(value));

/** Without `max` the bar says only that something happens. */
function Bar({
  text,
  value,
  max,
}: {
  readonly text: string;
  readonly value?: number;
  readonly max?: number | undefined;
}) {
  return (
    <>
      <progress aria-label={text} {...(max !== undefined && { value: value ?? 0, max })} />
      <span>{text}</span>
    </>
  );
}
