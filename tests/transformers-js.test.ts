// transformers.js loads an exported model and says what we say.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AutoModelForCausalLM, AutoTokenizer, env, type Tensor } from '@huggingface/transformers';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runLudic } from '../apps/cli/src/run-ludic.ts';
import { findEnvironment, resolveConfig } from '../packages/environments/src/index.ts';
import { HISTORY_STRATEGIES } from '../packages/history/src/index.ts';
import { openModelFolder } from '../packages/models/src/node.ts';
import { NANO_FOLDER } from '../packages/nano/src/index.ts';
import { LanguageModelPolicy, openLanguageModel, type Prompt, scriptedPolicy } from '../packages/policies/src/index.ts';
import { transformersPolicy } from '../packages/policies/src/transformers/index.ts';
import { evaluationStarts, playEpisodes } from '../packages/rollouts/src/index.ts';
import { createRuntime } from '../packages/runtime/src/node.ts';

const PROMPTS = 100;
const NEW_TOKENS = 6;
const scratch = mkdtempSync(join(tmpdir(), 'ludic-transformers-js-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** Prompts of both games under all histories, as a random player meets them. */
async function gamePrompts(): Promise<Prompt[]> {
  const met: Prompt[] = [];
  for (const id of ['tic_tac_toe', 'key_door']) {
    const definition = findEnvironment(id);
    const config = resolveConfig(definition, { max_steps: 6 });
    for (const history of HISTORY_STRATEGIES) {
      const player = scriptedPolicy('random', () => definition.experts.random!(config));
      const policy = {
        ...player,
        act: async (prompts: readonly Prompt[]) => {
          met.push(...prompts);
          return player.act(prompts);
        },
      };
      await playEpisodes({ definition, config, history, policy, starts: evaluationStarts(1, 5) });
    }
  }
  const step = met.length / PROMPTS;
  return Array.from({ length: PROMPTS }, (_, i) => met[Math.floor(i * step)]!);
}

beforeAll(async () => {
  expect((await runLudic('export', '--out', join(scratch, 'nano'))).code).toBe(0);
}, 60_000);

it('generates the same greedy tokens from an exported nano over 100 prompts', async () => {
  env.allowRemoteModels = false;
  env.localModelPath = scratch;
  const tokenizer = await AutoTokenizer.from_pretrained('nano');
  const theirs = await AutoModelForCausalLM.from_pretrained('nano', { dtype: 'fp32', device: 'cpu' });

  const files = await openModelFolder(fileURLToPath(NANO_FOLDER));
  const model = await openLanguageModel(files, await createRuntime({ threads: 1 }));
  const greedy = { temperature: 0, topK: 0, topP: 1, maxCompletionLength: NEW_TOKENS, stop: [] };
  const policy = new LanguageModelPolicy(model, greedy);
  const prompts = await gamePrompts();
  const replies = await policy.act(prompts);
  for (const [i, { messages }] of prompts.entries()) {
    const text = model.template.render(messages, { addGenerationPrompt: true });
    const inputs = tokenizer(text, { add_special_tokens: false });
    const output = (await theirs.generate({ ...inputs, max_new_tokens: NEW_TOKENS, do_sample: false })) as Tensor;
    const { prompt, completion } = replies[i]!.tokens!;
    expect(output.tolist()[0].map(Number), `prompt ${i}`).toEqual([...prompt, ...completion]);
  }
  policy.dispose();
  await theirs.dispose();
}, 120_000);

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
          definition,
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
