import { describe, expect, it } from 'vitest';
import { CompletionChunks, completion } from './answer.ts';
import { type ChatCompletionRequest, chatRequest } from './request.ts';

const messages = [{ role: 'user', content: 'Hello' }];
const request = (fields: object = {}): ChatCompletionRequest =>
  chatRequest.parse({ model: 'nano', messages, ...fields });
const head = { id: 'chatcmpl-1', created: 7, model: 'nano' };

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
    expect(completion(head, answer, { logprobs: true })).toEqual({
      ...head,
      object: 'chat.completion',
      system_fingerprint: null,
      choices: [
        { index: 0, message: { role: 'assistant', content: 'Hé', refusal: null }, finish_reason: 'length', logprobs },
      ],
      usage: { prompt_tokens: 3, completion_tokens: 1, total_tokens: 4 },
    });
    expect(completion(head, answer, {}).choices[0]!.logprobs).toBeNull();
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

  const calling = {
    choices: [
      {
        text: 'Let me look.',
        finish: 'stop' as const,
        tokens: [],
        toolCalls: [
          { name: 'weather', arguments: '{"city": "Rome"}' },
          { id: 'given', name: 'time', arguments: '{}' },
        ],
        tokenIds: [5, 6, 7],
      },
    ],
    promptTokens: 2,
    completionTokens: 3,
    promptTokenIds: [1, 2],
  };

  it('tells calls, each with an id, and the ids of tokens under the names of vLLM', () => {
    const whole = completion(head, calling, {});
    expect(whole.prompt_token_ids).toEqual([1, 2]);
    const { message, ...choice } = whole.choices[0]!;
    expect(choice).toMatchObject({ finish_reason: 'tool_calls', token_ids: [5, 6, 7] });
    const id = expect.stringMatching(/^[a-z0-9]{9}$/);
    const calls = [
      { id, type: 'function', function: { name: 'weather', arguments: '{"city": "Rome"}' } },
      { id: 'given', type: 'function', function: { name: 'time', arguments: '{}' } },
    ];
    expect(message).toEqual({ role: 'assistant', content: 'Let me look.', refusal: null, tool_calls: calls });
    const silent = { ...calling, choices: [{ ...calling.choices[0]!, text: '' }] };
    expect(completion(head, silent, {}).choices[0]!.message.content).toBeNull();
    const other = completion({ ...head, id: 'chatcmpl-2' }, calling, {}).choices[0]!.message;
    expect(other).not.toEqual(message);
  });

  it('gives each of several calls an id of its own', () => {
    const toolCalls = Array(3).fill({ id: 'abcdefghi', name: 'time', arguments: '{}' });
    const { message } = completion(head, { ...calling, choices: [{ ...calling.choices[0]!, toolCalls }] }, {})
      .choices[0]!;
    expect(new Set((message as { tool_calls: { id: string }[] }).tool_calls.map(({ id }) => id)).size).toBe(3);
  });

  it('streams calls whole, with the ids that the whole answer has, before it ends', () => {
    const chunks = new CompletionChunks(head, request({ stream: true }));
    const whole = completion(head, calling, {});
    const pieces = chunks.end(calling) as { choices: { delta: { tool_calls?: object[] }; finish_reason: string }[] }[];
    expect(pieces).toHaveLength(3);
    const calls = (whole.choices[0]!.message as { tool_calls: object[] }).tool_calls;
    expect(pieces[1]!.choices[0]!.delta.tool_calls).toEqual(calls.map((call, index) => ({ index, ...call })));
    expect(pieces[2]).toMatchObject({
      prompt_token_ids: [1, 2],
      choices: [{ delta: {}, finish_reason: 'tool_calls', token_ids: [5, 6, 7] }],
    });
  });

  it('that was cut off at its limit says so, whether or not it holds calls', () => {
    const cut = { ...calling, choices: [{ ...calling.choices[0]!, finish: 'length' as const }] };
    expect(completion(head, cut, {}).choices[0]!.finish_reason).toBe('length');
  });
});
