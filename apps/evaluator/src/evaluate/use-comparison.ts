// Evaluations one after the other: how far each is, what went wrong with one without touching the others, a way to stop.

import type { LudicError } from '@ludic/io';
import { useCallback, useRef, useState } from 'preact/hooks';
import { useAppContext } from '../app-context.tsx';
import { isNews, type Stage } from '../engine/protocol.ts';
import { type EvaluationSpec, gamesKey, policyOf } from './evaluation-spec.ts';
import { type Comparison, type Result, withResult } from './results.ts';

/** How far the evaluation of one policy is. */
export type EntryProgress =
  | { readonly state: 'waiting' }
  | { readonly state: 'running'; readonly stage: Stage | undefined }
  | { readonly state: 'done'; readonly result: Result }
  | { readonly state: 'failed'; readonly message: string }
  | { readonly state: 'stopped' };

/** The evaluation that was started last. */
export interface Run {
  readonly spec: EvaluationSpec;
  /** As the spec's policies. */
  readonly progress: readonly EntryProgress[];
}

/** Evaluates policies one after the other. One that fails does not stop the others. */
export function useComparison() {
  const { engine } = useAppContext();
  const [run, setRun] = useState<Run>();
  const [comparisons, setComparisons] = useState<readonly Comparison[]>([]);
  const controller = useRef<AbortController | undefined>(undefined);

  const start = useCallback(
    async (spec: EvaluationSpec) => {
      const { signal } = (controller.current = new AbortController());
      const progress: EntryProgress[] = spec.policies.map(() => ({ state: 'waiting' }));
      const report = (i: number, next: EntryProgress) => {
        progress[i] = next;
        setRun({ spec, progress: [...progress] });
      };
      const key = gamesKey(spec);
      setRun({ spec, progress: [...progress] });
      for (const [i, entry] of spec.policies.entries()) {
        if (signal.aborted) {
          report(i, { state: 'stopped' });
          continue;
        }
        report(i, { state: 'running', stage: undefined });
        const { environment, config, episodes, seed } = spec;
        const game = { environment, config, history: entry.history };
        const policy = policyOf(entry, spec);
        try {
          const answer = await engine.ask(
            { type: 'evaluate', game, policy, episodes, seed },
            { signal, onProgress: (stage) => !isNews(stage) && report(i, { state: 'running', stage }) },
          );
          const result: Result = { ...answer, entry, spec };
          setComparisons((before) => withResult(before, key, result));
          report(i, { state: 'done', result });
        } catch (error) {
          const { code, message } = error as LudicError;
          report(i, code === 'cancelled' ? { state: 'stopped' } : { state: 'failed', message });
        }
      }
      controller.current = undefined;
    },
    [engine],
  );
  const stop = useCallback(() => controller.current?.abort(), []);
  return { run, comparisons, start, stop };
}

/** Whether an entry is evaluated now or has yet to be. */
export const isRunning = (run: Run | undefined): boolean =>
  run?.progress.some(({ state }) => state === 'waiting' || state === 'running') ?? false;
