// transformers.js as a policy plays the games that we play with the same weights.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runLudic } from '../apps/cli/testing/run-ludic.ts';
import { findEnvironment, resolveConfig } from '../packages/environments/src/index.ts';
import type { HISTORY_STRATEGIES } from '../packages/history/src/index.ts';
import { openLanguageModel } from '../packages/inference/src/index.ts';
import { openModelFolder } from '../packages/models/src/node.ts';
import { NANO_FOLDER } from '../packages/nano/src/index.ts';
import { LanguageModelPolicy } from '../packages/policies/src/index.ts';
import { transformersPolicy } from '../packages/policies/src/transformers/index.ts';
import { evaluationStarts, playEpisodes } from '../packages/rollouts/src/index.ts';
import { createRuntime } from '../packages/runtime/src/node.ts';

const scratch = mkdtempSync(join(tmpdir(), 'ludic-transformers-policy-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

beforeAll(async () => {
  expect((await runLudic('export', '--out', join(scratch, 'nano'))).code).toBe(0);
}, 60_000);

it.each(
  ['tic_tac_toe', 'key_door'].flatMap((id) => ['NO_HISTORY', 'FULL_HISTORY'].map((history) => [id, history] as const)),
)(
  'plays the same greedy games of %s with %s as a policy',
  async (id, history) => {
    const definition = findEnvironment(id);
    const config = resolveConfig(definition, { max_steps: 10 });
    const greedy = { temperature: 0, topK: 0, topP: 1, maxCompletionLength: 16, stop: [`</${definition.replyTag}>`] };
    const model = await openLanguageModel(
      await openModelFolder(fileURLToPath(NANO_FOLDER)),
      await createRuntime({ threads: 1 }),
    );
    const ours = new LanguageModelPolicy(model, greedy);
    const theirs = await transformersPolicy({ model: join(scratch, 'nano'), local: true }, greedy);
    const [played, again] = await Promise.all(
      [ours, theirs].map(async (policy) => {
        const starts = evaluationStarts(3, 40);
        const episodes = await playEpisodes({
          environment: definition,
          config,
          history: history as (typeof HISTORY_STRATEGIES)[number],
          policy,
          starts,
        });
        return episodes.map(({ turns, endReason, reward }) => ({
          replies: turns.map(({ reply }) => [reply.text, reply.finish, ...reply.tokens!.completion]),
          endReason,
          reward,
        }));
      }),
    );
    expect(again).toEqual(played);
    ours.dispose();
    theirs.dispose();
  },
  60_000,
);
