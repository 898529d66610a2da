// Where the jobs of a data folder are.

import { join } from 'node:path';

export interface JobPlaces {
  readonly folder: string;
  readonly log: string;
  /** What was in a log before it grew too long. */
  readonly olderLog: string;
  /** Games of an evaluation. */
  readonly episodes: string;
  /** Of a training of an agent. */
  readonly tasks: string;
}

export function jobPlaces(dataFolder: string, id: string): JobPlaces {
  const folder = join(dataFolder, 'jobs', id);
  return {
    folder,
    log: join(folder, 'log.txt'),
    olderLog: join(folder, 'log.before.txt'),
    episodes: join(folder, 'episodes.jsonl'),
    tasks: join(folder, 'tasks.json'),
  };
}

export const databasePlace = (dataFolder: string) => join(dataFolder, 'ludic.db');
export const serverLockPlace = (dataFolder: string) => join(dataFolder, 'server.lock.db');

/**
 * What the process of a training holds locked for its whole life. Trainings under one name share a lock: an earlier job's
 * process that outlived its server and a later job never work on one folder.
 */
export const jobLockPlace = (dataFolder: string, outputDir: string): string =>
  join(dataFolder, 'jobs', 'names', `${outputDir}.lock.db`);
