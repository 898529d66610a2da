// Runs that are in the browser's storage: their list, what one holds, and its models among the policies.

import type { Answers, RequestOf } from '../protocol.ts';
import type { Work } from '../work.ts';

/** What the models of a run are known by. */
const namesOf = (run: string) => ({ before: `${run}, before`, after: run });

/** Deletes a run and forgets its models. */
export async function deleteRun({ run }: RequestOf<'delete'>, { models, runs }: Work): Promise<undefined> {
  await runs.delete(run);
  for (const name of Object.values(namesOf(run))) models.forget(name);
}

/** All runs, the latest first. Their models can be played by the names of the runs from then on. */
export async function listRuns(_: RequestOf<'runs'>, { models, runs }: Work): Promise<Answers['runs']> {
  const found = await runs.list();
  for (const { name } of found) if (!models.has(name)) models.add(name, 'training', await runs.modelBlobs(name));
  return found;
}

/** The contents of a run. Its first and its newest model can be played from then on. */
export async function openRunModels({ run }: RequestOf<'run'>, { models, runs }: Work): Promise<Answers['run']> {
  const contents = await runs.contents(run);
  const { before, after } = namesOf(run);
  models.addUnlisted(before, await runs.firstBlobs(run));
  models.add(after, 'training', await runs.modelBlobs(run));
  return { ...contents, before, after };
}
