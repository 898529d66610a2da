// Evaluations one after the other: how far each is, what went wrong with one without touching the others, a way to stop.

import { useCallback, useRef, useState } from 'preact/hooks';
import { useWorkplace } from '../app-context.tsx';
import type { EngineError } from '../engine/client.ts';
import type { Progress } from '../engine/protocol.ts';
import { gamesKey, policyOf, type Setting } from './evaluation-spec.ts';
import { type Match, type Result, withResult } from './results.ts';

export type Standing =
  | { readonly state: 'waiting' }
  | { readonly state: 'running'; readonly progress: Progress | undefined }
  | { readonly state: 'done'; readonly result: Result }
  | { readonly state: 'failed'; readonly message: string }
  | { readonly state: 'stopped' };

export interface Run {
  readonly setting: Setting;
  /** As the setting's contestants. */
  readonly standings: readonly Standing[];
}

export function useMatch() {
  const { engine } = useWorkplace();
  const [run, setRun] = useState<Run>();
  const [matches, setMatches] = useState<readonly Match[]>([]);
  const controller = useRef<AbortController | undefined>(undefined);

  const start = useCallback(
    async (setting: Setting) => {
      const { signal } = (controller.current = new AbortController());
      const standings: Standing[] = setting.contestants.map(() => ({ state: 'waiting' }));
      const stand = (i: number, standing: Standing) => {
        standings[i] = standing;
        setRun({ setting, standings: [...standings] });
      };
      const key = gamesKey(setting);
      setRun({ setting, standings: [...standings] });
      for (const [i, contestant] of setting.contestants.entries()) {
        if (signal.aborted) {
          stand(i, { state: 'stopped' });
          continue;
        }
        stand(i, { state: 'running', progress: undefined });
        const { environment, config, episodes, seed } = setting;
        const game = { environment, config, history: contestant.history };
        const policy = policyOf(contestant, setting);
        try {
          const answer = await engine.ask(
            { type: 'evaluate', game, policy, episodes, seed },
            { signal, onProgress: (progress) => stand(i, { state: 'running', progress }) },
          );
          const result: Result = { ...answer, contestant, setting };
          setMatches((before) => withResult(before, key, result));
          stand(i, { state: 'done', result });
        } catch (error) {
          const { code, message } = error as EngineError;
          stand(i, code === 'cancelled' ? { state: 'stopped' } : { state: 'failed', message });
        }
      }
      controller.current = undefined;
    },
    [engine],
  );
  const stop = useCallback(() => controller.current?.abort(), []);
  return { run, matches, start, stop };
}

export const isRunning = (run: Run | undefined): boolean =>
  run?.standings.some(({ state }) => state === 'waiting' || state === 'running') ?? false;
