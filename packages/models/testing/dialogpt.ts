// A small GPT-2 with random weights in the layout of DialoGPT: pytorch_model.bin as torch.save writes it, vocab.json and
// merges.txt, no chat template.

import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { floats } from '@ludic/runtime';
import { initialParameters } from '../src/architectures/initialize.ts';
import { readConfig } from '../src/architectures/registry.ts';

const TOKENIZER = fileURLToPath(new URL('../fixtures/tokenizer-gpt2-style/', import.meta.url));

/** 900 rows, 1,024 positions, 4 layers of 128. */
const CONFIG = {
  activation_function: 'gelu_new',
  architectures: ['GPT2LMHeadModel'],
  bos_token_id: 0,
  eos_token_id: 0,
  initializer_range: 0.02,
  layer_norm_epsilon: 1e-5,
  model_type: 'gpt2',
  n_ctx: 1024,
  n_embd: 128,
  n_head: 4,
  n_layer: 4,
  n_positions: 1024,
  vocab_size: 900,
};

export async function writeDialoGpt(folder: string, seed: number): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const name of ['vocab.json', 'merges.txt', 'tokenizer_config.json'])
    await copyFile(join(TOKENIZER, name), join(folder, name));
  const parameters = initialParameters(readConfig(CONFIG), seed);
  await writeFile(join(folder, 'config.json'), JSON.stringify(CONFIG, null, 2));
  const named = Object.entries(parameters).map(([name, tensor]) => ({
    name: `transformer.${name}`,
    dims: tensor.dims,
    data: floats(tensor) as Float32Array,
  }));
  await writeFile(join(folder, 'pytorch_model.bin'), torchFile(named));
}

interface Named {
  readonly name: string;
  readonly dims: readonly number[];
  readonly data: Float32Array;
}

function torchFile(tensors: readonly Named[]): Uint8Array {
  const parts: Buffer[] = [Buffer.from('\x80\x02}(', 'latin1')];
  const put = (text: string) => parts.push(Buffer.from(text, 'latin1'));
  const text = (value: string) => `X${le(value.length, 4)}${value}`;
  const int = (value: number) => `J${le(value, 4)}`;
  const tuple = (...items: readonly string[]) => `(${items.join('')}t`;
  for (const [i, { name, dims, data }] of tensors.entries()) {
    const strides = dims.map((_, d) => dims.slice(d + 1).reduce((a, b) => a * b, 1));
    const storage = `${tuple(text('storage'), 'ctorch\nFloatStorage\n', text(String(i)), text('cpu'), int(data.length))}Q`;
    const shape = [int(0), tuple(...dims.map(int)), tuple(...strides.map(int))].join('');
    put(`${text(name)}ctorch._utils\n_rebuild_tensor_v2\n(${storage}${shape}\x89ccollections\nOrderedDict\n)RtR`);
  }
  put('u.');
  const entries: [string, Buffer][] = [
    ['archive/data.pkl', Buffer.concat(parts)],
    ...tensors.map(({ data }, i): [string, Buffer] => [
      `archive/data/${i}`,
      Buffer.from(data.buffer, data.byteOffset, data.byteLength),
    ]),
  ];
  return zip(entries);
}

const le = (value: number, bytes: number) =>
  String.fromCharCode(...Array.from({ length: bytes }, (_, i) => Math.floor(value / 256 ** i) % 256));

/** Stored entries, as PyTorch writes them. */
function zip(entries: readonly (readonly [string, Buffer])[]): Uint8Array {
  const body: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const [name, data] of entries) {
    const common = `${le(0, 4)}${le(0, 8)}${le(data.length, 4)}${le(data.length, 4)}${le(name.length, 2)}${le(0, 2)}`;
    directory.push(Buffer.from(`PK\x01\x02${le(45, 2)}${le(45, 2)}${common}${le(0, 10)}${le(at, 4)}${name}`, 'latin1'));
    const head = Buffer.from(`PK\x03\x04${le(45, 2)}${common}${name}`, 'latin1');
    body.push(head, data);
    at += head.length + data.length;
  }
  const index = Buffer.concat(directory);
  const end = `PK\x05\x06${le(0, 4)}${le(entries.length, 2)}${le(entries.length, 2)}${le(index.length, 4)}${le(at, 4)}${le(0, 2)}`;
  return Buffer.concat([...body, index, Buffer.from(end, 'latin1')]);
}
