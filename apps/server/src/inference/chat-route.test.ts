// Chat completions through a real HTTP server, a real process and a real model.

import { fileURLToPath } from 'node:url';
import { findEnvironment, resolveConfig } from '@ludic/environments';
import { openLanguageModel } from '@ludic/inference';
import { openModelFolder } from '@ludic/models/node';
import { NANO_FOLDER } from '@ludic/nano';
import { LanguageModelPolicy } from '@ludic/policies';
import { openaiPolicy } from '@ludic/policies/openai';
import { evaluationStarts, playEpisodes } from '@ludic/rollouts';
import { createRuntime } from '@ludic/runtime/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ChatServer, startChatServer } from '../../testing/chat-server.ts';
import { copyOfNano, until } from '../../testing/models.ts';
import { InferencePool } from './pool.ts';

let pool: InferencePool;
let server: ChatServer;
beforeAll(async () => {
  pool = new InferencePool({ threads: 1 });
  // What it was trained in is not known: it goes on after a move.
  server = await startChatServer(pool, { rambler: await copyOfNano('rambler') });
});
afterAll(async () => {
  await server.close();
  await pool.close();
});

const definition = findEnvironment('tic_tac_toe');
const config = resolveConfig(definition);
const messages = [
  { role: 'system', content: definition.systemPrompt(config) },
  { role: 'user', content: 'You are X.\n...\n...\n...\nYour move.' },
];
const post = (fields: object, signal?: AbortSignal) =>
  fetch(`${server.url}/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'nano', messages, seed: 5, ...fields }),
    ...(signal && { signal }),
  });
interface Token {
  token: string;
  logprob: number;
  top_logprobs: Token[];
}
interface Body {
  choices: {
    index: number;
    message: { content: string };
    delta: { content?: string };
    finish_reason: string;
    logprobs: { content: Token[] } | null;
  }[];
  usage: { prompt_tokens: number; completion_tokens: number };
  error: { code: string; message: string; type: string; param: string | null };
}
const ask = async (fields: object = {}) => (await (await post(fields)).json()) as Body;
const events = async (fields: object) => {
  const text = await (await post({ stream: true, ...fields })).text();
  const data = text.split('\n\n').filter(Boolean);
  expect(data.at(-1)).toBe('data: [DONE]');
  return data.slice(0, -1).map((line) => JSON.parse(line.slice('data: '.length)) as Body);
};
const LONG = { model: 'rambler', max_tokens: 1500, temperature: 1, logit_bias: {} };

describe('POST /v1/chat/completions', () => {
  it('gives our own client the games that the model plays here', async () => {
    const model = await openLanguageModel(
      await openModelFolder(fileURLToPath(NANO_FOLDER)),
      await createRuntime({ threads: 1 }),
    );
    const settings = { temperature: 0, topP: 1, maxCompletionLength: 32, stop: ['</move>'] };
    const table = {
      environment: definition,
      config,
      history: 'FULL_HISTORY' as const,
      starts: evaluationStarts(3, 20),
    };
    const far = openaiPolicy({ ...settings, baseUrl: server.url, model: 'nano' });
    const near = new LanguageModelPolicy(model, { ...settings, topK: 0 });
    const games = await Promise.all([far, near].map((policy) => playEpisodes({ ...table, policy })));
    const [theirs, ours] = games.map((episodes) =>
      episodes.map(({ turns, reward, endReason }) => ({
        reward,
        endReason,
        replies: turns.map(({ reply }) => [reply.text, reply.finish]),
      })),
    );
    expect(ours!.some(({ replies }) => replies.length > 2)).toBe(true);
    expect(theirs).toEqual(ours);
  });

  it('gives the same replies for the same seed, and others for another', async () => {
    const texts = async (seed: number) =>
      (await ask({ n: 4, seed, max_tokens: 30 })).choices.map(({ message }) => message.content);
    expect(await texts(5)).toEqual(await texts(5));
    expect(await texts(6)).not.toEqual(await texts(5));
    expect(new Set(await texts(5)).size).toBeGreaterThan(1);
  });

  it('streams what it answers as a whole, with the same log-probabilities', async () => {
    const fields = { n: 20, max_tokens: 20, stop: ['</move>'], logprobs: true, top_logprobs: 3 };
    const whole = await ask(fields);
    const chunks = await events({ ...fields, stream_options: { include_usage: true } });
    for (const { index, message, logprobs, finish_reason } of whole.choices) {
      const own = chunks.flatMap(({ choices }) => choices.filter((choice) => choice.index === index));
      expect(own.map(({ delta }) => 'role' in delta)).toEqual(own.map((_, i) => i === 0));
      expect(own.map(({ delta }) => delta.content ?? '').join('')).toBe(message.content);
      expect(own.flatMap((choice) => choice.logprobs?.content ?? [])).toEqual(logprobs!.content);
      expect(own.at(-1)!.finish_reason).toBe(finish_reason);
    }
    expect(chunks.at(-1)!.usage).toEqual(whole.usage);
  });

  it("tells the model's own log-probabilities, whatever the temperature", async () => {
    const tokens = await Promise.all(
      [0, 0.3].map(async (temperature) => {
        const { choices } = await ask({ temperature, max_tokens: 1, logprobs: true, top_logprobs: 20 });
        return choices[0]!.logprobs!.content[0]!;
      }),
    );
    const [greedy, sampled] = tokens;
    expect(greedy!.token).toBe(greedy!.top_logprobs[0]!.token);
    expect(sampled!.top_logprobs).toEqual(greedy!.top_logprobs);
    const total = greedy!.top_logprobs.reduce((sum, { logprob }) => sum + Math.exp(logprob), 0);
    expect(total).toBeGreaterThan(0.9);
    expect(total).toBeLessThanOrEqual(1 + 1e-6);
  });

  it('keeps a stop text to itself', async () => {
    const [choice] = (await ask({ stop: '</move>', temperature: 0 })).choices;
    expect(choice!.finish_reason).toBe('stop');
    expect(choice!.message.content).toMatch(/^<move>\d$/);
  });

  it.each(['', '\ud800 alone', '\u0000', '🦉'.repeat(50), '<|endoftext|></s><s>', '{{ 7 * 7 }}'])(
    'reads any text: %j',
    async (content) => {
      const { choices } = await ask({ messages: [{ role: 'user', content }], max_tokens: 3 });
      expect(choices[0]!.finish_reason).toMatch(/^(stop|length)$/);
    },
  );

  it('says which fields are wrong, and which model is not there, before a stream begins', async () => {
    const bad = await post({ stream: true, temperature: -1, min_p: 0.5 });
    expect(bad.status).toBe(400);
    const { error } = (await bad.json()) as Body;
    expect(error).toMatchObject({ type: 'invalid_request_error', param: 'temperature', code: 'invalid_value' });
    expect(error.message).toContain('min_p: The models here cannot do that');
    const missing = await post({ stream: true, model: 'missing' });
    expect(missing.status).toBe(400);
    expect(((await missing.json()) as Body).error.message).not.toContain('/nowhere');
    const long = await post({ messages: [{ role: 'user', content: 'x '.repeat(200_000) }] });
    expect(long.status).toBe(400);
    expect(((await long.json()) as Body).error).toMatchObject({ code: 'context_length_exceeded', param: 'messages' });
    expect((await post({ temperature: 1e-300 })).status).toBe(400);
  });

  it('ends where a turn of the model ends, and keeps what ends it', async () => {
    for (const fields of [{}, { stop: null }, { stop: ['zebra'] }, { max_tokens: 1_000_000 }]) {
      const { choices, usage } = await ask({ ...fields, temperature: 0 });
      expect(choices[0]!.message.content).toMatch(/^<move>\d<\/move>$/);
      expect(choices[0]!.finish_reason).toBe('stop');
      expect(usage.completion_tokens).toBeLessThan(20);
    }
    const kept = await ask({ stop: '</move>', include_stop_str_in_output: true, temperature: 0 });
    expect(kept.choices[0]!.message.content).toMatch(/^<move>\d<\/move>$/);
  });

  it('gives many replies a few at a time, each its own, and never more than one answer holds', async () => {
    const most = (await ask({ n: 40, max_tokens: 3 })).choices;
    expect(most.map(({ index }) => index)).toEqual(Array.from({ length: 40 }, (_, i) => i));
    // Which of them are sampled together changes none.
    const few = (await ask({ n: 20, max_tokens: 3 })).choices;
    expect(most.slice(0, 20)).toEqual(few);
    const huge = await post({ n: 128, logprobs: true, top_logprobs: 20, max_tokens: 1000 });
    expect(huge.status).toBe(400);
    expect(((await huge.json()) as Body).error.message).toContain('more log-probabilities than one answer holds');
  });

  it.each([true, false])('stops when the client goes away (streaming: %s)', async (stream) => {
    const rambler = () => pool.status.processes.find(({ model }) => model.includes('rambler'));
    const tokens = () => rambler()!.counters.tokens;
    const whole = (await ask({ ...LONG, n: 4, seed: stream ? 11 : 12 })).usage.completion_tokens;
    expect(whole).toBeGreaterThan(1000);
    const before = tokens();
    const client = new AbortController();
    const asked = post({ ...LONG, n: 16, stream }, client.signal);
    if (stream) await asked;
    await until(() => pool.status.requests === 1);
    client.abort();
    await asked.then((response) => response.text()).catch(() => {});
    await until(() => pool.status.requests === 0);
    await ask({ ...LONG, max_tokens: 1 });
    // Four times as much was asked for.
    expect(tokens() - before).toBeLessThan(2 * whole);
  });

  it('ends a stream with an error when the process dies in the middle', async () => {
    const response = await post({ ...LONG, n: 16, stream: true });
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    const first = await reader.read();
    for (const { pid } of pool.status.processes) process.kill(pid!, 'SIGKILL');
    let text = first.value ?? '';
    for (let part = await reader.read(); !part.done; part = await reader.read()) text += part.value;
    expect(text).toMatch(/data: \{"error":\{"message":"The process of the model was ended by SIGKILL/);
    expect(text).not.toContain('[DONE]');
    expect((await ask({ max_tokens: 1 })).choices).toHaveLength(1);
  });
});
