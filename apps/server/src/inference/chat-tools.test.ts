// Tools through a real HTTP server, a real process and a model whose weights make it call them.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callingModel } from '../../testing/calling-model.ts';
import { type ChatServer, startChatServer } from '../../testing/chat-server.ts';
import { InferencePool } from './pool.ts';

let pool: InferencePool;
let server: ChatServer;
beforeAll(async () => {
  pool = new InferencePool({ threads: 1 });
  server = await startChatServer(pool, {
    hermes: await callingModel('hermes'),
    mistral: await callingModel('mistral'),
  });
});
afterAll(async () => {
  await server.close();
  await pool.close();
});

interface Call {
  readonly id: string;
  readonly index?: number;
  readonly type: string;
  readonly function: { readonly name: string; readonly arguments: string };
}
interface Choice {
  readonly message: { readonly content: string | null; readonly tool_calls?: readonly Call[] };
  readonly delta: { readonly content?: string; readonly tool_calls?: readonly Call[] };
  readonly finish_reason: string | null;
  readonly token_ids?: readonly number[];
  readonly logprobs: { readonly content: readonly { readonly token: string }[] } | null;
}
interface Body {
  readonly choices: readonly Choice[];
  readonly usage: { readonly prompt_tokens: number; readonly completion_tokens: number };
  readonly prompt_token_ids?: readonly number[];
}

const messages = [{ role: 'user', content: 'What is there?' }];
const tools = [
  {
    type: 'function',
    function: { name: 'look', parameters: { type: 'object', properties: { at: { type: 'string' } } } },
  },
];
const post = (fields: object) =>
  fetch(`${server.url}/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'hermes', messages, tools, seed: 5, ...fields }),
  });
const ask = async (fields: object = {}) => (await (await post(fields)).json()) as Body;
const events = async (fields: object) =>
  (await (await post({ stream: true, ...fields })).text())
    .split('\n\n')
    .filter((event) => event !== '' && event !== 'data: [DONE]')
    .map((event) => JSON.parse(event.slice('data: '.length)) as Body);

const look = {
  id: expect.stringMatching(/^[a-z0-9]{9}$/),
  type: 'function',
  function: { name: 'look', arguments: '{"at": "door"}' },
};

describe('a chat with tools', () => {
  it('is answered by a call beside the text before it', async () => {
    const { choices } = await ask();
    expect(choices[0]).toMatchObject({ finish_reason: 'tool_calls' });
    expect(choices[0]!.message).toMatchObject({ content: 'Let me look.', tool_calls: [look] });
  });

  it('goes on with the result of the call', async () => {
    const { message } = (await ask()).choices[0]!;
    const result = { role: 'tool', tool_call_id: message.tool_calls![0]!.id, content: 'blue' };
    const { choices } = await ask({ messages: [...messages, message, result] });
    expect(choices[0]).toMatchObject({ finish_reason: 'stop', message: { content: 'The door is blue.' } });
  });

  it('streams the text as it is written, and then the call', async () => {
    const whole = await ask();
    const pieces = (await events({ stream_options: { include_usage: true } })).flatMap(({ choices }) => choices);
    expect(pieces.map(({ delta }) => delta.content ?? '').join('')).toBe('Let me look.');
    const calls = pieces.flatMap(({ delta }) => delta.tool_calls ?? []);
    expect(calls).toEqual([{ index: 0, ...look }]);
    expect(calls[0]!.function).toEqual(whole.choices[0]!.message.tool_calls![0]!.function);
    expect(pieces.at(-1)!.finish_reason).toBe('tool_calls');
  });

  it('has each reply of many call for itself', async () => {
    const { choices } = await ask({ n: 3 });
    const ids = choices.map(({ message }) => message.tool_calls![0]!.id);
    expect(new Set(ids).size).toBe(3);
    expect(choices.map(({ finish_reason }) => finish_reason)).toEqual(Array(3).fill('tool_calls'));
  });

  it('finds calls whose mark is a special token, and several in one reply', async () => {
    const { choices } = await ask({ model: 'mistral' });
    const smell = { ...look, function: { name: 'smell', arguments: '{}' } };
    expect(choices[0]).toMatchObject({
      finish_reason: 'tool_calls',
      message: { content: null, tool_calls: [look, smell] },
    });
    const [first] = (await ask({ model: 'mistral', parallel_tool_calls: false })).choices;
    expect(first!.message.tool_calls).toEqual([look]);
    const pieces = (await events({ model: 'mistral' })).flatMap((chunk) => chunk.choices);
    expect(pieces.map(({ delta }) => delta.content ?? '').join('')).toBe('');
    expect(pieces.flatMap(({ delta }) => delta.tool_calls ?? [])).toMatchObject([look, smell]);
  });

  it('says that a call was cut off, which then is text', async () => {
    const [choice] = (await ask({ max_tokens: 4 })).choices;
    expect(choice!.finish_reason).toBe('length');
    expect(choice!.message).not.toHaveProperty('tool_calls');
    expect(choice!.message.content).toBe('Let me look.\n<tool_call>\n{"name": "look", "arguments": {"at": "door"}');
    const pieces = (await events({ max_tokens: 4 })).flatMap(({ choices }) => choices);
    expect(pieces.map(({ delta }) => delta.content ?? '').join('')).toBe(choice!.message.content);
  });

  it('is one without tools where none may be called', async () => {
    const [choice] = (await ask({ tool_choice: 'none' })).choices;
    expect(choice).toMatchObject({ finish_reason: 'stop', message: { content: 'Hello, you.' } });
    expect((await ask({ tool_choice: 'none' })).usage).toEqual((await ask({ tools: undefined })).usage);
  });

  it('refuses what nothing here could hold a model to', async () => {
    for (const [param, fields] of [
      ['tool_choice', { tool_choice: 'required' }],
      ['tool_choice', { tool_choice: { type: 'function', function: { name: 'look' } } }],
      ['response_format', { response_format: { type: 'json_schema', json_schema: { name: 'x', schema: {} } } }],
    ] as const) {
      const response = await post(fields);
      expect(response.status).toBe(400);
      expect(await response.json()).toMatchObject({ error: { param, code: 'unsupported_parameter' } });
    }
  });

  it('tells the ids of all tokens, whole and streamed, and the log-probabilities of all', async () => {
    const whole = await ask({ return_token_ids: true, logprobs: true });
    expect(whole.prompt_token_ids).toHaveLength(whole.usage.prompt_tokens);
    expect(whole.choices[0]!.token_ids).toHaveLength(whole.usage.completion_tokens);
    expect(whole.choices[0]!.logprobs!.content.map(({ token }) => token).join('')).toContain('<tool_call>');
    const chunks = await events({ return_token_ids: true, logprobs: true });
    expect(chunks.find((chunk) => chunk.prompt_token_ids)!.prompt_token_ids).toEqual(whole.prompt_token_ids);
    expect(chunks.flatMap(({ choices }) => choices.flatMap((choice) => choice.token_ids ?? []))).toEqual(
      whole.choices[0]!.token_ids,
    );
    const streamed = chunks.flatMap(({ choices }) => choices.flatMap((choice) => choice.logprobs?.content ?? []));
    expect(streamed).toEqual(whole.choices[0]!.logprobs!.content);
    expect(await ask()).not.toHaveProperty('prompt_token_ids');
  });
});
