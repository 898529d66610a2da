// What this process may have of the machine's memory, and what it has had.

import { totalmem } from 'node:os';
import type { ProcessMemory } from '../run-options.ts';

/** Limits that the system sets for a group of processes, such as a container, count as the machine's own. */
export function processMemory(): ProcessMemory {
  const total = totalmem();
  const constrained = process.constrainedMemory();
  const limit = constrained > 0 ? Math.min(total, constrained) : total;
  const available = Math.min(limit, process.availableMemory() + process.memoryUsage.rss());
  return { limit, available, peak: peakMemory };
}

/** Bytes. */
export const peakMemory = (): number => process.resourceUsage().maxRSS * 1024;
