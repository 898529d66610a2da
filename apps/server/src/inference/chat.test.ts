import { type ChatCompletionRequest, chatRequest } from '@ludic/service';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CompletionChunks, chatTask, completion } from './chat.ts';

const messages = [{ role: 'user', content: 'Hello' }];
const request = (fields: object = {}): ChatCompletionRequest =>
  chatRequest.parse({ model: 'nano', messages, ...fields });
const complaints = (fields: object) =>
  chatRequest.safeParse({ model: 'nano', messages, ...fields }).error?.issues.map(({ path }) => path.join('.'));
const head = { id: 'chatcmpl-1', created: 7, model: 'nano' };

describe('a request for a chat completion', () => {
  it('has the defaults of the shape', () => {
    expect(chatTask(request(), () => 5)).toEqual({
      messages,
      sampling: { temperature: 1, topP: 1, topK: 0 },
      stop: [],
      keepStop: false,
      seed: 5,
      choices: 1,
      stream: false,
    });
  });

  it('takes every way of saying a message, a stop text and a limit', () => {
    const asked = request({
      messages: [
        { role: 'developer', content: 'Be brief.', name: 'x' },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'a' },
            { type: 'text', text: 'b' },
          ],
        },
        { role: 'assistant', content: null },
      ],
      stop: '.',
      max_tokens: 5,
      max_completion_tokens: 6,
      seed: -3,
      n: 2,
      logprobs: true,
      top_logprobs: 4,
      tools: [],
      response_format: { type: 'text' },
      presence_penalty: 0,
    });
    expect(chatTask(asked, () => 0)).toMatchObject({
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'ab' },
        { role: 'assistant', content: '' },
      ],
      stop: ['.'],
      sampling: { maxCompletionLength: 6 },
      seed: -3,
      choices: 2,
      alternatives: 4,
    });
  });

  it.each([
    ['top_logprobs', { top_logprobs: 3 }],
    ['top_logprobs', { logprobs: true, top_logprobs: 21 }],
    ['temperature', { temperature: -1 }],
    ['n', { n: 129 }],
    ['messages', { messages: [] }],
    ['messages.0.role', { messages: [{ role: 'tool', content: 'x' }] }],
    ['messages.0.content', { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: {} }] }] }],
    ['messages.0.tool_calls', { messages: [{ role: 'assistant', content: null, tool_calls: [{ id: '1' }] }] }],
  ])('is refused for %s that cannot be had', (field, fields) => {
    expect(complaints(fields)).toEqual([field]);
  });

  it('is refused or understood, whatever it is', () => {
    fc.assert(
      fc.property(
        fc.anything(),
        fc.dictionary(fc.constantFrom('stop', 'n', 'seed', 'messages'), fc.anything()),
        (any, fields) => {
          for (const body of [any, { model: 'nano', messages, ...fields }]) {
            const parsed = chatRequest.safeParse(body);
            if (parsed.success) expect(chatTask(parsed.data, () => 1).messages.length).toBeGreaterThan(0);
          }
        },
      ),
    );
  });
});

describe('an answer', () => {
  const tokens = [{ text: 'Hé', logprob: -0.5, alternatives: [{ text: '\ufffd', logprob: -1 }] }];
  const answer = { choices: [{ text: 'Hé', finish: 'length' as const, tokens }], promptTokens: 3, completionTokens: 1 };
  const logprobs = {
    content: [
      {
        token: 'Hé',
        logprob: -0.5,
        bytes: [72, 195, 169],
        top_logprobs: [{ token: '\ufffd', logprob: -1, bytes: null }],
      },
    ],
    refusal: null,
  };

  it('has the shape of a completion', () => {
    expect(completion(head, answer, true)).toEqual({
      ...head,
      object: 'chat.completion',
      system_fingerprint: null,
      choices: [
        { index: 0, message: { role: 'assistant', content: 'Hé', refusal: null }, finish_reason: 'length', logprobs },
      ],
      usage: { prompt_tokens: 3, completion_tokens: 1, total_tokens: 4 },
    });
    expect(completion(head, answer, false).choices[0]!.logprobs).toBeNull();
  });

  it('has the shape of chunks', () => {
    const chunks = new CompletionChunks(
      head,
      request({ logprobs: true, stream: true, stream_options: { include_usage: true } }),
    );
    const chunk = (choices: object[], usage: object | null = null) => ({
      ...head,
      object: 'chat.completion.chunk',
      choices,
      system_fingerprint: null,
      usage,
    });
    expect([...chunks.of({ choice: 0, text: 'Hé', tokens }), ...chunks.end(answer)]).toEqual([
      chunk([{ index: 0, delta: { role: 'assistant', content: '' }, finish_reason: null, logprobs: null }]),
      chunk([{ index: 0, delta: { content: 'Hé' }, finish_reason: null, logprobs }]),
      chunk([{ index: 0, delta: {}, finish_reason: 'length', logprobs: null }]),
      chunk([], { prompt_tokens: 3, completion_tokens: 1, total_tokens: 4 }),
    ]);
  });
});
