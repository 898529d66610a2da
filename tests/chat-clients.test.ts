// The clients of the field against a whole server: OpenAI's own, the AI SDK and LangChain.js, as their users call them.

import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { AIMessageChunk, HumanMessage, ToolMessage } from '@langchain/core/messages';
import { ChatOpenAI } from '@langchain/openai';
import { APICallError, generateText, jsonSchema, stepCountIs, streamText, tool } from 'ai';
import OpenAI, { type APIError, AuthenticationError, BadRequestError, NotFoundError } from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callingModel } from '../apps/server/testing/calling-model.ts';
import { PASSWORD, startService, type TestService } from '../apps/server/testing/service.ts';

let service: TestService;
let baseURL: string;
beforeAll(async () => {
  service = await startService();
  baseURL = `${service.url}/v1`;
  const { model } = await callingModel();
  await cp(model.folder, join(service.folder, 'data/models/caller'), { recursive: true });
}, 60_000);
afterAll(() => service.close(), 60_000);

const SYSTEM = 'You play tic-tac-toe. You are X and move first. Reply with the number of a free cell in <move></move>.';
const USER = '1|2|3\n4|5|6\n7|8|9\nYour move.';
const messages = [
  { role: 'system' as const, content: SYSTEM },
  { role: 'user' as const, content: USER },
];
const LONG = 'word '.repeat(50_000);

/** The tool that the model named caller calls, with what it says before and after. */
const PARAMETERS = { type: 'object' as const, properties: { at: { type: 'string' as const } }, required: ['at'] };
const ARGUMENTS = { at: 'door' };
const BEFORE = 'Let me look.';
const AFTER = 'The door is blue.';

describe("OpenAI's client", () => {
  const open = (apiKey = PASSWORD) => new OpenAI({ baseURL, apiKey, maxRetries: 0 });
  const ask = { model: 'nano', messages, temperature: 0 };
  const failure = (work: Promise<unknown>) =>
    work.then(
      () => expect.fail('It was answered.'),
      (error: unknown) => error as APIError,
    );

  it('chats, and the reply ends by itself', async () => {
    const { choices, usage, object, system_fingerprint } = await open().chat.completions.create(ask);
    expect(choices[0]).toMatchObject({ index: 0, finish_reason: 'stop', message: { role: 'assistant' } });
    expect(choices[0]!.message.content).toMatch(/<\/(move|action)>$/);
    expect(usage!.total_tokens).toBe(usage!.prompt_tokens + usage!.completion_tokens);
    expect(usage!.completion_tokens).toBeLessThan(40);
    expect([object, system_fingerprint]).toEqual(['chat.completion', null]);
  });

  it('streams the same text, with usage at the end', async () => {
    const whole = await open().chat.completions.create(ask);
    const stream = await open().chat.completions.create({
      ...ask,
      stream: true,
      stream_options: { include_usage: true },
    });
    const chunks = await Array.fromAsync(stream);
    expect(chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('')).toBe(
      whole.choices[0]!.message.content,
    );
    expect(chunks.at(-1)!.usage).toEqual(whole.usage);
    const final = await open().chat.completions.stream(ask).finalChatCompletion();
    expect(final.choices[0]!.message.content).toBe(whole.choices[0]!.message.content);
  });

  it('gets as many replies as it asks for, from 1 to 128', async () => {
    const { choices } = await open().chat.completions.create({ ...ask, temperature: 1, n: 128, max_tokens: 2 });
    expect(choices.map(({ index }) => index)).toEqual(Array.from({ length: 128 }, (_, i) => i));
  });

  it('has a stop text cut off, and its own of many', async () => {
    for (const stop of ['</move>', ['zebra', '</move>']]) {
      const { choices } = await open().chat.completions.create({ ...ask, stop });
      expect(choices[0]).toMatchObject({ finish_reason: 'stop' });
      expect(choices[0]!.message.content).not.toContain('</move>');
    }
  });

  it('gets log-probabilities, and the same replies for the same seed', async () => {
    const fields = { ...ask, temperature: 1, logprobs: true, top_logprobs: 5, seed: 11 };
    const [one, other] = [await open().chat.completions.create(fields), await open().chat.completions.create(fields)];
    expect(one.choices).toEqual(other.choices);
    const { content } = one.choices[0]!.logprobs!;
    expect(content!.map(({ token }) => token).join('')).toBe(one.choices[0]!.message.content);
    for (const { top_logprobs } of content!) expect(top_logprobs).toHaveLength(5);
  });

  it('asks for more tokens than there can be, and gets what fits', async () => {
    const { choices } = await open().chat.completions.create({ ...ask, max_completion_tokens: 1_000_000 });
    expect(choices[0]!.finish_reason).toBe('stop');
  });

  it('shows in its errors what was wrong', async () => {
    const chat = open().chat.completions;
    const auth = await failure(open('wrong').chat.completions.create(ask));
    expect(auth).toBeInstanceOf(AuthenticationError);
    expect(auth).toMatchObject({ status: 401, type: 'authentication_error', code: 'invalid_api_key' });
    const missing = await failure(chat.create({ ...ask, model: 'no-such-model' }));
    expect(missing).toBeInstanceOf(NotFoundError);
    expect(missing).toMatchObject({ status: 404, code: 'model_not_found', param: 'model' });
    const bad = await failure(chat.create({ ...ask, frequency_penalty: 0.5 }));
    expect(bad).toBeInstanceOf(BadRequestError);
    expect(bad).toMatchObject({ code: 'unsupported_parameter', param: 'frequency_penalty' });
    expect(bad.message).toContain('The models here cannot do that');
    const long = await failure(chat.create({ ...ask, messages: [{ role: 'user', content: LONG }] }));
    expect(long).toMatchObject({ status: 400, code: 'context_length_exceeded', type: 'invalid_request_error' });
    expect(long.message).toMatch(/The context of nano has \d+ tokens/);
    const streamed = await failure(chat.create({ ...ask, stream: true, n: 200 }));
    expect(streamed).toMatchObject({ status: 400, param: 'n' });
  });

  const tools = [{ type: 'function' as const, function: { name: 'look', parameters: PARAMETERS } }];
  const call = { model: 'caller', messages: [{ role: 'user' as const, content: 'Look.' }], tools };

  it('calls a tool and goes on with its result, as its helper does it', async () => {
    const seen: unknown[] = [];
    const runner = open().chat.completions.runTools({
      ...call,
      tools: [
        {
          type: 'function',
          function: {
            name: 'look',
            description: 'Looks.',
            parameters: PARAMETERS,
            parse: JSON.parse,
            function: (given: object) => {
              seen.push(given);
              return 'blue';
            },
          },
        },
      ],
    });
    expect(await runner.finalContent()).toBe(AFTER);
    expect(seen).toEqual([ARGUMENTS]);
    expect(runner.messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'tool', 'assistant']);
  });

  it('streams text and calls, and gathers them', async () => {
    const stream = open().chat.completions.stream(call);
    const { choices } = await stream.finalChatCompletion();
    expect(choices[0]).toMatchObject({ finish_reason: 'tool_calls', message: { content: BEFORE } });
    const [made] = choices[0]!.message.tool_calls!;
    expect(made!.type === 'function' && JSON.parse(made!.function.arguments)).toEqual(ARGUMENTS);
  });

  it('is told that nothing makes a model call', async () => {
    const error = await failure(open().chat.completions.create({ ...call, tool_choice: 'required' }));
    expect(error).toMatchObject({ status: 400, code: 'unsupported_parameter', param: 'tool_choice' });
  });

  it('lists the models and retrieves one', async () => {
    const { data } = await open().models.list();
    expect(data.find(({ id }) => id === 'nano')).toMatchObject({ object: 'model', owned_by: 'ludic' });
    expect(await open().models.retrieve('nano')).toEqual(data.find(({ id }) => id === 'nano'));
    const missing = await failure(open().models.retrieve('no-such/model'));
    expect(missing).toMatchObject({ status: 404, code: 'model_not_found' });
  });
});

describe('the AI SDK', () => {
  const model = (id = 'nano', apiKey = PASSWORD) =>
    createOpenAICompatible({ name: 'ludic', baseURL, apiKey, includeUsage: true })(id);
  const ask = { system: SYSTEM, prompt: USER, temperature: 0, maxRetries: 0 };
  const failure = (work: PromiseLike<unknown>) =>
    Promise.resolve(work).then(
      () => expect.fail('It was answered.'),
      (error: unknown) => error,
    );

  it('chats and streams', async () => {
    const { text, finishReason, usage } = await generateText({ model: model(), ...ask });
    expect(text).toMatch(/<\/(move|action)>$/);
    expect(finishReason).toBe('stop');
    expect(usage.outputTokens).toBeGreaterThan(0);
    const stream = streamText({ model: model(), ...ask });
    expect((await Array.fromAsync(stream.textStream)).join('')).toBe(text);
    expect((await stream.usage).totalTokens).toBe(usage.totalTokens);
  });

  it('has a stop text cut off', async () => {
    const stopped = await generateText({ model: model(), ...ask, stopSequences: ['</move>'], seed: 3 });
    expect(stopped.text).not.toContain('</move>');
  });

  const look = tool({
    inputSchema: jsonSchema<typeof ARGUMENTS>(PARAMETERS),
    execute: async ({ at }) => `${at}: blue`,
  });

  it('calls a tool and goes on with its result, whole and streamed', async () => {
    const call = { model: model('caller'), prompt: 'Look.', tools: { look }, stopWhen: stepCountIs(3), maxRetries: 0 };
    const { text, steps } = await generateText(call);
    expect([text, steps.length, steps[0]!.text, steps[0]!.finishReason]).toEqual([AFTER, 2, BEFORE, 'tool-calls']);
    expect(steps[0]!.toolCalls).toMatchObject([{ toolName: 'look', input: ARGUMENTS }]);
    expect(steps[0]!.toolResults).toMatchObject([{ output: 'door: blue' }]);
    const stream = streamText(call);
    expect((await Array.fromAsync(stream.textStream)).join('')).toBe(BEFORE + AFTER);
    expect((await stream.steps).map((step) => step.finishReason)).toEqual(['tool-calls', 'stop']);
  });

  it('gets many replies and log-probabilities by the names of the provider', async () => {
    const { response } = await generateText({
      model: model(),
      ...ask,
      providerOptions: { ludic: { n: 3, logprobs: true, top_logprobs: 2 } },
      include: { responseBody: true },
    });
    // The SDK itself shows one reply of them.
    const { choices } = response.body as { choices: { logprobs: { content: unknown[] } }[] };
    expect(choices).toHaveLength(3);
    for (const { logprobs } of choices) expect(logprobs.content.length).toBeGreaterThan(0);
  });

  it('shows in its errors what was wrong', async () => {
    for (const [options, statusCode, message] of [
      [{ model: model('nano', 'wrong') }, 401, /The password is wrong/],
      [{ model: model('no-such-model') }, 404, /There is no model "no-such-model"/],
      [{ model: model(), presencePenalty: 1 }, 400, /presence_penalty: The models here cannot do that/],
      [{ model: model(), prompt: LONG }, 400, /The context of nano has/],
    ] as const) {
      const error = await failure(generateText({ ...ask, ...options }));
      expect(APICallError.isInstance(error)).toBe(true);
      expect(error).toMatchObject({ statusCode, message: expect.stringMatching(message), isRetryable: false });
    }
  });
});

describe('LangChain.js', () => {
  const open = (fields: object = {}) =>
    new ChatOpenAI({
      model: 'nano',
      apiKey: PASSWORD,
      temperature: 0,
      maxRetries: 0,
      configuration: { baseURL },
      ...fields,
    });
  const conversation = [
    ['system', SYSTEM],
    ['human', USER],
  ] as [string, string][];

  it('chats and streams', async () => {
    const reply = await open().invoke(conversation);
    expect(reply.text).toMatch(/<\/(move|action)>$/);
    expect(reply.usage_metadata!.output_tokens).toBeGreaterThan(0);
    expect(reply.response_metadata).toMatchObject({ finish_reason: 'stop' });
    let whole = new AIMessageChunk('');
    for await (const piece of await open().stream(conversation)) whole = whole.concat(piece);
    expect(whole.text).toBe(reply.text);
  });

  it('calls a tool and goes on with its result, whole and streamed', async () => {
    const caller = open({ model: 'caller' }).bindTools([
      { type: 'function', function: { name: 'look', description: 'Looks.', parameters: PARAMETERS } },
    ]);
    const asked = new HumanMessage('Look.');
    const reply = await caller.invoke([asked]);
    expect([reply.text, reply.response_metadata.finish_reason]).toEqual([BEFORE, 'tool_calls']);
    expect(reply.tool_calls).toMatchObject([{ name: 'look', args: ARGUMENTS }]);
    let whole = new AIMessageChunk('');
    for await (const piece of await caller.stream([asked])) whole = whole.concat(piece);
    expect(whole.tool_calls).toMatchObject([{ name: 'look', args: ARGUMENTS }]);
    const result = new ToolMessage({ content: 'blue', tool_call_id: reply.tool_calls![0]!.id! });
    expect((await caller.invoke([asked, reply, result])).text).toBe(AFTER);
  });

  it('gets many replies, log-probabilities and its stop text cut off', async () => {
    const { generations } = await open({ n: 3, temperature: 1 }).generate([[{ role: 'user', content: USER }]]);
    expect(generations[0]).toHaveLength(3);
    const rated = await open({ logprobs: true, topLogprobs: 2 }).invoke(conversation);
    expect(rated.response_metadata.logprobs).toMatchObject({ content: expect.any(Array) });
    expect((await open().invoke(conversation, { stop: ['</move>'] })).text).not.toContain('</move>');
  });

  it('shows in its errors what was wrong', async () => {
    const long = [['human', LONG]] as [string, string][];
    await expect(open({ apiKey: 'wrong' }).invoke(conversation)).rejects.toMatchObject({ status: 401 });
    await expect(open({ model: 'no-such-model' }).invoke(conversation)).rejects.toThrow(/There is no model/);
    await expect(open({ frequencyPenalty: 1 }).invoke(conversation)).rejects.toThrow(/frequency_penalty: The models/);
    await expect(open().invoke(long)).rejects.toThrow(/The context of nano has/);
  });
});
