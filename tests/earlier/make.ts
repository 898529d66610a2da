// Makes a fixture of what a commit writes: a stopped run, a run of an adapter, a recipe and the data folder of a server, all
// of a model of 20 kB. Run: npx node tests/earlier/make.ts COMMIT; it writes tests/earlier/COMMIT.tar.br.

import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { brotliCompressSync } from 'node:zlib';
import { PASSWORD, startService } from '../../bench/compare/service.ts';
import { checkOut, Side } from '../../bench/compare/side.ts';

const SMALL =
  '--env tic_tac_toe --model tiny --threads 1 --batch-size 8 --group-size 4 --eval-episodes 4 --save-every 1 --max-completion-length 3';
const ROOT = resolve(import.meta.dirname, '../..');

/** A Llama of one layer with nano's tokenizer and weights that look random. */
function writeTinyModel(folder: string, nano: string): void {
  mkdirSync(folder);
  for (const file of ['tokenizer.json', 'tokenizer_config.json', 'generation_config.json'])
    copyFileSync(join(nano, file), join(folder, file));
  const [vocab, width, inner] = [600, 8, 16];
  const config = {
    ...{ architectures: ['LlamaForCausalLM'], model_type: 'llama', vocab_size: vocab, hidden_size: width },
    ...{ intermediate_size: inner, num_hidden_layers: 1, num_attention_heads: 1, num_key_value_heads: 1, head_dim: 8 },
    ...{ hidden_act: 'silu', rms_norm_eps: 1e-5, rope_theta: 10000, tie_word_embeddings: true },
    ...{ max_position_embeddings: 2048, bos_token_id: null, eos_token_id: 1, pad_token_id: 0, torch_dtype: 'float32' },
  };
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config));
  const layer = 'model.layers.0';
  const shapes: Record<string, readonly number[]> = {
    'model.embed_tokens.weight': [vocab, width],
    'model.norm.weight': [width],
    [`${layer}.input_layernorm.weight`]: [width],
    [`${layer}.post_attention_layernorm.weight`]: [width],
    ...Object.fromEntries(
      ['q', 'k', 'v', 'o'].map((name) => [`${layer}.self_attn.${name}_proj.weight`, [width, width]]),
    ),
    [`${layer}.mlp.gate_proj.weight`]: [inner, width],
    [`${layer}.mlp.up_proj.weight`]: [inner, width],
    [`${layer}.mlp.down_proj.weight`]: [width, inner],
  };
  const header: Record<string, unknown> = {};
  const numbers: number[] = [];
  for (const [name, shape] of Object.entries(shapes)) {
    const from = 4 * numbers.length;
    const size = shape.reduce((a, b) => a * b, 1);
    for (let i = 0; i < size; i++) numbers.push(shape.length === 1 ? 1 : Math.sin(12.9898 * (numbers.length + 1)) / 4);
    header[name] = { dtype: 'F32', shape, data_offsets: [from, 4 * numbers.length] };
  }
  const text = JSON.stringify(header);
  const head = Buffer.from(text.padEnd(8 * Math.ceil(text.length / 8)));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(head.length));
  writeFileSync(
    join(folder, 'model.safetensors'),
    Buffer.concat([length, head, new Uint8Array(Float32Array.from(numbers).buffer)]),
  );
}

async function writeData(side: Side): Promise<void> {
  mkdirSync(join(side.work, 'data/models'), { recursive: true });
  execFileSync('cp', ['-r', 'tiny', 'data/models/tiny'], { cwd: side.work });
  const service = await startService(side);
  const ask = async (method: string, path: string, body?: object) => {
    const headers = { authorization: `Bearer ${PASSWORD}`, 'content-type': 'application/json' };
    const answer = await service.ask({ method, path, headers, ...(body && { body: JSON.stringify(body) }) });
    if (answer.status >= 400) throw new Error(`${method} ${path}: ${answer.body}`);
    return JSON.parse(answer.body.toString()) as { job_id: string; status: string; step: number };
  };
  const until = async (job: string, isReached: (job: { status: string; step: number }) => boolean) => {
    while (!isReached(await ask('GET', `/jobs/${job}`))) await sleep(50);
  };
  const short = { max_completion_length: 3, save_every: 1 };
  const game = { env_type: 'tic_tac_toe', eval_episodes: 4, seed: 1 };
  const train = { ...game, model_name: 'tiny', batch_size: 8, group_size: 4, tensor_parallel_size: 1 };
  const first = await ask('POST', '/start-training', { ...train, output_dir: 'first', max_steps: 2, ...short });
  await until(first.job_id, ({ status }) => status === 'completed');
  const played = await ask('POST', '/evaluate-policy', {
    ...game,
    model_path: 'first',
    async: true,
    sampling_params: { max_tokens: 3 },
  });
  await until(played.job_id, ({ status }) => status === 'completed');
  const long = await ask('POST', '/start-training', {
    ...train,
    output_dir: 'stopped',
    max_steps: 20,
    ...short,
  });
  await until(long.job_id, ({ step }) => step > 1);
  await ask('POST', `/jobs/${long.job_id}/cancel`, {});
  await until(long.job_id, ({ status }) => status === 'cancelled');
  await service.stop();
}

const commit = process.argv[2]!;
const temporary = mkdtempSync(join(tmpdir(), 'ludic-earlier-'));
const tree = join(temporary, 'tree');
try {
  checkOut(commit, tree);
  const side = new Side(commit, tree, join(temporary, 'fixture'));
  writeTinyModel(join(side.work, 'tiny'), join(tree, 'packages/nano/model'));
  let isStopped = false;
  await side.run(['train', ...SMALL.split(' '), '--steps', '4', '--out', 'runs/stopped'], {
    onPrinted: (text, child) => {
      if (!isStopped && text.includes('step 1/4')) isStopped = child.kill('SIGINT');
    },
  });
  await side.succeed(['train', ...SMALL.split(' '), ...'--steps 2 --lora-rank 2 --out runs/adapter'.split(' ')]);
  writeFileSync(join(side.work, 'recipe.json'), await side.succeed(['runs', 'recipe', 'runs/adapter']));
  await writeData(side);
  rmSync(join(side.work, 'hub'), { recursive: true, force: true });
  const archive = execFileSync('tar', ['-c', '-C', side.work, '.'], { maxBuffer: 2 ** 28 });
  // Its window spans the files, many of which are the same.
  writeFileSync(join(ROOT, `tests/earlier/${commit}.tar.br`), brotliCompressSync(archive));
} finally {
  execFileSync('git', ['worktree', 'remove', '--force', tree], { cwd: ROOT });
  rmSync(temporary, { recursive: true, force: true });
}
