// Whether a run fits into the machine, asked before anything large is loaded.

import { PromptEncoder } from '@ludic/inference/internal';
import { type ModelFiles, readChatTemplate, readModelConfig, readTokenizer } from '@ludic/models';
import { GrpoError } from '../errors.ts';
import { checkSettings, type TrainSettings } from '../settings/train-settings.ts';
import { specOf } from '../trainer/played-spec.ts';
import {
  certainMemory,
  describeMemory,
  estimateMemory,
  gigabytes,
  type MemoryEstimate,
  memoryAdvice,
} from './memory.ts';
import { probePrompts } from './probe-prompts.ts';
import type { TrainRunOptions } from './run-options.ts';

/**
 * How many processes share an update: as many as are wanted, as far as shards, cores and memory allow.
 * @param files of the model that the run starts from
 * @throws GrpoError `bad_setting`; `too_large`, with what would make it smaller
 */
export async function checkMachine(
  files: ModelFiles,
  settings: TrainSettings,
  { memory, workers, onEvent }: TrainRunOptions,
): Promise<number> {
  checkSettings(settings);
  specOf(settings);
  const { count: wanted, cores = Number.POSITIVE_INFINITY } = workers ?? { count: 1 };
  let count = Math.max(1, Math.min(wanted, settings.shards, cores));
  let reason: string | undefined;
  const several = (n: number, noun: string) => `${n} ${noun}${n === 1 ? '' : 's'}`;
  if (count < wanted)
    reason = count === cores ? `the machine has ${several(cores, 'core')}` : `the run has ${several(count, 'shard')}`;
  if (memory) {
    const { limit, available } = memory;
    const config = await readModelConfig(files);
    const encoder = new PromptEncoder(await readTokenizer(files), await readChatTemplate(files));
    const prompts = await probePrompts(settings, encoder);
    const estimateFor = (processes: number) => estimateMemory(config, settings, prompts, processes);
    // How much prompts share is not known yet: only what cannot fit in any case is refused.
    const fits = (estimate: MemoryEstimate) => {
      const certain = certainMemory(estimate);
      return certain + (estimate.total - certain) / 2 <= limit;
    };
    while (count > 1 && !fits(estimateFor(count))) {
      count--;
      reason = `more do not fit into ${gigabytes(limit)} of memory`;
    }
    const estimate = estimateFor(count);
    await onEvent?.({ type: 'memory', estimate, limit, available });
    if (!fits(estimate)) {
      const advice = memoryAdvice(config, settings, prompts, limit);
      throw new GrpoError('too_large', `The run ${describeMemory(estimate, limit)}. ${advice}`);
    }
  }
  if (workers) await onEvent?.({ type: 'workers', count, wanted, reason });
  return count;
}
