// transformers.js loads an exported model and says what we say.

import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  AutoModelForCausalLM,
  AutoTokenizer,
  env,
  type PreTrainedModel,
  type PreTrainedTokenizer,
  Tensor,
} from '@huggingface/transformers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runLudic } from '../apps/cli/testing/run-ludic.ts';
import { findEnvironment, resolveConfig } from '../packages/environments/src/index.ts';
import { HISTORY_STRATEGIES } from '../packages/history/src/index.ts';
import { type LanguageModel, openLanguageModel } from '../packages/inference/src/index.ts';
import {
  checkpointFiles,
  completeTokenizerFiles,
  EXPORT_DTYPES,
  type ExportDtype,
  folderFiles,
  initialParameters,
  readCheckpoint,
  readConfig,
  readSafetensors,
  toFloat32,
} from '../packages/models/src/index.ts';
import { openModelFolder, writeFilesAtomically } from '../packages/models/src/node.ts';
import { NANO_FOLDER } from '../packages/nano/src/index.ts';
import {
  type GamePrompt,
  isReply,
  LanguageModelPolicy,
  type Reply,
  scriptedPolicy,
} from '../packages/policies/src/index.ts';
import { evaluationStarts, playEpisodes } from '../packages/rollouts/src/index.ts';
import { createRuntime } from '../packages/runtime/src/node.ts';

const PROMPTS = 100;
const NEW_TOKENS = 6;
const scratch = mkdtempSync(join(tmpdir(), 'ludic-transformers-js-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
env.allowRemoteModels = false;
env.localModelPath = scratch;

const nanoFolder = fileURLToPath(NANO_FOLDER);
const fixture = (name: string) => fileURLToPath(new URL(`../packages/models/fixtures/${name}`, import.meta.url));
const loadTheirs = (name: string, dtype: ExportDtype) =>
  AutoModelForCausalLM.from_pretrained(name, { dtype, device: 'cpu' });

/** Prompts of both games under all histories, as a random player meets them. */
async function gamePrompts(): Promise<GamePrompt[]> {
  const met: GamePrompt[] = [];
  for (const id of ['tic_tac_toe', 'key_door']) {
    const definition = findEnvironment(id);
    const config = resolveConfig(definition, { max_steps: 6 });
    for (const history of HISTORY_STRATEGIES) {
      const player = scriptedPolicy('random', () => definition.experts.random!(config));
      const policy = {
        ...player,
        act: async (prompts: readonly GamePrompt[]) => {
          met.push(...prompts);
          return player.act(prompts);
        },
      };
      await playEpisodes({ environment: definition, config, history, policy, starts: evaluationStarts(1, 5) });
    }
  }
  const step = met.length / PROMPTS;
  return Array.from({ length: PROMPTS }, (_, i) => met[Math.floor(i * step)]!);
}

async function open(folder: string): Promise<LanguageModel> {
  return openLanguageModel(await openModelFolder(folder), await createRuntime({ threads: 1 }));
}

async function greedyReplies(model: LanguageModel, prompts: readonly GamePrompt[]): Promise<readonly Reply[]> {
  const greedy = { temperature: 0, topK: 0, topP: 1, maxCompletionLength: NEW_TOKENS, stop: [] };
  const policy = new LanguageModelPolicy(model, greedy);
  const replies = (await policy.act(prompts)).filter(isReply);
  policy.dispose();
  return replies;
}

/** Prompt and reply as one list of ids. */
const idsOf = ({ tokens }: Reply) => [...tokens!.prompt, ...tokens!.completion];

async function theirIds(theirs: PreTrainedModel, tokenizer: PreTrainedTokenizer, text: string): Promise<number[]> {
  const inputs = tokenizer(text, { add_special_tokens: false });
  const output = (await theirs.generate({ ...inputs, max_new_tokens: NEW_TOKENS, do_sample: false })) as Tensor;
  return output.tolist()[0].map(Number);
}

/** Logits of all tokens of rows of equal length, one after the other. */
async function theirLogits(theirs: PreTrainedModel, rows: readonly (readonly number[])[]): Promise<Float32Array> {
  const dims = [rows.length, rows[0]!.length];
  const ids = rows.flat();
  const { logits } = await theirs({
    input_ids: new Tensor('int64', BigInt64Array.from(ids, BigInt), dims),
    attention_mask: new Tensor('int64', new BigInt64Array(ids.length).fill(1n), dims),
  });
  return logits.to('float32').data as Float32Array;
}

describe('an exported nano', () => {
  let model: LanguageModel;
  let prompts: GamePrompt[];
  let replies: readonly Reply[];
  let tokenizer: PreTrainedTokenizer;
  let exact: PreTrainedModel;
  beforeAll(async () => {
    const { code } = await runLudic('export', '--out', join(scratch, 'nano'), '--dtype', EXPORT_DTYPES.join());
    expect(code).toBe(0);
    model = await open(nanoFolder);
    prompts = await gamePrompts();
    replies = await greedyReplies(model, prompts);
    tokenizer = await AutoTokenizer.from_pretrained('nano');
    exact = await loadTheirs('nano', 'fp32');
  }, 60_000);
  afterAll(() => exact.dispose());

  const text = ({ messages }: GamePrompt) => model.template.render(messages, { addGenerationPrompt: true });

  it('generates the same greedy tokens over 100 prompts', async () => {
    for (const [i, prompt] of prompts.entries())
      expect(await theirIds(exact, tokenizer, text(prompt)), `prompt ${i}`).toEqual(idsOf(replies[i]!));
  });

  it('generates the same greedy tokens in fp16, but where two were as good as equal', async () => {
    const half = await loadTheirs('nano', 'fp16');
    let equal = 0;
    for (const [i, prompt] of prompts.entries()) {
      const [theirs, ours] = [await theirIds(half, tokenizer, text(prompt)), idsOf(replies[i]!)];
      const parting = ours.findIndex((id, at) => theirs[at] !== id);
      if (parting < 0) {
        equal++;
        continue;
      }
      // Weights rounded to 11 bits move nano's logits by 4e-4 (root mean square) and by 3e-3 at most.
      const logits = (await theirLogits(exact, [ours.slice(0, parting)])).slice(-model.config.vocabSize);
      expect(logits[ours[parting]!]! - logits[theirs[parting]!]!, `prompt ${i}`).toBeLessThan(1e-3);
    }
    expect(equal).toBeGreaterThanOrEqual(98);
    await half.dispose();
  });

  it('answers in the form of the games in q4', async () => {
    const fourBit = await loadTheirs('nano', 'q4');
    let complete = 0;
    for (const [i, prompt] of prompts.entries()) {
      const ids = await theirIds(fourBit, tokenizer, text(prompt));
      const reply = tokenizer.decode(ids.slice(replies[i]!.tokens!.prompt.length));
      expect(reply, `prompt ${i}`).toMatch(/^<(move|action|scratchpad)>/);
      if (/<(move|action)>\w+<\/\1>/.test(reply)) complete++;
    }
    // Notes may fill the few tokens of a reply.
    expect(complete).toBeGreaterThan(90);
    await fourBit.dispose();
  });

  it.each(['fp32', 'fp16', 'q4'] as const)('is the same in several files: %s', async (dtype) => {
    const { config, parameters } = await readCheckpoint(await openModelFolder(nanoFolder));
    const tokenizerFiles = await completeTokenizerFiles(await openModelFolder(nanoFolder));
    const name = `nano-${dtype}`;
    const options = { onnx: [dtype], largestFile: 300_000 };
    await writeFilesAtomically(join(scratch, name), folderFiles(config, parameters, tokenizerFiles, options));
    const [first, ...others] = readdirSync(join(scratch, name, 'onnx')).sort();
    expect(others).toContain(`${first}_data_1`);
    const whole = await loadTheirs('nano', dtype);
    const parts = await loadTheirs(name, dtype);
    for (const prompt of prompts.slice(0, 20))
      expect(await theirIds(parts, tokenizer, text(prompt))).toEqual(await theirIds(whole, tokenizer, text(prompt)));
    await whole.dispose();
    await parts.dispose();
  });
});

describe.each(['llama-tiny', 'smollm-tiny', 'qwen2-tiny', 'qwen3-tiny', 'gemma3-tiny', 'gpt2-tiny'])(
  'an exported %s',
  (name) => {
    // fp32 as near as the fixtures are exact; fp16 by its 11 bits; four bits say little of random weights.
    it.each([
      ['fp32', 1e-5],
      ['fp16', 2.5e-3],
      ['q4', 0.5],
    ] as const)('gives the golden logits in %s to within %d of the largest', async (dtype, share) => {
      const files = await openModelFolder(fixture(name));
      const { config, parameters } = await readCheckpoint(files);
      const folder = join(scratch, `${name}-${dtype}`);
      const tokenizerFiles = await completeTokenizerFiles(files);
      await writeFilesAtomically(folder, folderFiles(config, parameters, tokenizerFiles, { onnx: [dtype] }));
      const { tensors } = readSafetensors(new Uint8Array(readFileSync(join(fixture(name), 'golden.safetensors'))));
      const golden = toFloat32(tensors.get('logits')!);
      const ids = Array.from(new BigInt64Array(tensors.get('input_ids')!.data.slice().buffer), Number);
      const theirs = await loadTheirs(`${name}-${dtype}`, dtype);
      const logits = await theirLogits(theirs, [ids.slice(0, 11), ids.slice(11)]);
      expect(logits).toHaveLength(golden.length);
      const worst = golden.reduce((most, x, i) => Math.max(most, Math.abs(x - logits[i]!)), 0);
      const largest = golden.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
      expect(worst).toBeLessThan(share * largest);
      await theirs.dispose();
    });
  },
);

/** A model of random weights for a tokenizer, in a folder that has nothing but what both need. */
async function randomModel(name: string, config: object, tokenizer: string): Promise<string> {
  const folder = join(scratch, 'sources', name);
  const read = readConfig(config);
  await writeFilesAtomically(folder, checkpointFiles(read, initialParameters(read, 1)));
  for (const file of readdirSync(tokenizer))
    if (/^(vocab|merges|tokenizer)/.test(file)) cpSync(join(tokenizer, file), join(folder, file));
  return folder;
}

describe('what a source lacks', () => {
  const configOf = (name: string) => JSON.parse(readFileSync(join(fixture(name), 'config.json'), 'utf8'));
  it.each([
    ['gpt2', { ...configOf('gpt2-tiny'), vocab_size: 900 }, fixture('tokenizer-gpt2-style')],
    ['qwen3', { ...configOf('qwen3-tiny'), vocab_size: 600, eos_token_id: 1, bos_token_id: null }, nanoFolder],
    ['gemma3', { ...configOf('gemma3-tiny'), vocab_size: 600, eos_token_id: 1, bos_token_id: null }, nanoFolder],
  ])('is in the folder that ludic export writes: %s', async (name, config, from) => {
    const folder = await randomModel(name, config, from);
    expect((await runLudic('export', '--model', folder, '--out', join(scratch, name))).code).toBe(0);
    const wanted = ['config.json', 'generation_config.json', 'onnx', 'tokenizer.json', 'tokenizer_config.json'];
    expect(readdirSync(join(scratch, name))).toEqual(expect.arrayContaining(wanted));
    const model = await open(folder);
    const [any] = await gamePrompts();
    const prompts = ['What is left?', 'Your move.'].map(
      (content): GamePrompt => ({ ...any!, episode: {}, messages: [{ role: 'user', content }] }),
    );
    const tokenizer = await AutoTokenizer.from_pretrained(name);
    const theirs = await loadTheirs(name, 'fp32');
    for (const [i, reply] of (await greedyReplies(model, prompts)).entries()) {
      const text = tokenizer.apply_chat_template([...prompts[i]!.messages], {
        tokenize: false,
        add_generation_prompt: true,
      }) as string;
      expect(await theirIds(theirs, tokenizer, text)).toEqual(idsOf(reply));
    }
    await theirs.dispose();
  });
});
