import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ChatCompletionRequest, chatRequest } from './request.ts';
import { chatTask } from './task.ts';

const messages = [{ role: 'user', content: 'Hello' }];
const request = (fields: object = {}): ChatCompletionRequest =>
  chatRequest.parse({ model: 'nano', messages, ...fields });
const complaints = (fields: object) =>
  chatRequest.safeParse({ model: 'nano', messages, ...fields }).error?.issues.map(({ path }) => path.join('.'));
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
      tool_choice: 'auto',
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
    ['messages.0.role', { messages: [{ role: 'robot', content: 'x' }] }],
    ['messages.0.tool_call_id', { messages: [{ role: 'tool', content: 'x' }] }],
    ['messages.0.content', { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: {} }] }] }],
    ['messages.0.function_call', { messages: [{ role: 'assistant', content: null, function_call: { name: 'f' } }] }],
  ])('is refused for %s that cannot be had', (field, fields) => {
    expect(complaints(fields)).toEqual([field]);
  });

  const tool = { type: 'function', function: { name: 'look', description: null, parameters: { type: 'object' } } };
  const called = {
    role: 'assistant',
    content: null,
    tool_calls: [{ id: 'a', type: 'function', function: { name: 'look', arguments: '{"at": 1}' } }],
  };

  it('takes tools, calls and their results, which have the name of what was called', () => {
    const results = [
      { role: 'tool', tool_call_id: 'a', content: [{ type: 'text', text: 'A key.' }] },
      { role: 'tool', tool_call_id: 'b', content: 'Nothing.', name: 'smell' },
    ];
    const asked = request({ messages: [...messages, called, ...results], tools: [tool], parallel_tool_calls: false });
    expect(chatTask(asked, () => 0)).toMatchObject({
      oneCall: true,
      tools: [{ name: 'look', parameters: { type: 'object' } }],
      messages: [
        ...messages,
        { role: 'assistant', content: '', toolCalls: [{ id: 'a', name: 'look', arguments: '{"at": 1}' }] },
        { role: 'tool', content: 'A key.', toolCallId: 'a', name: 'look' },
        { role: 'tool', content: 'Nothing.', toolCallId: 'b', name: 'smell' },
      ],
    });
    expect(chatTask(request({ tools: [tool], tool_choice: 'none' }), () => 0)).not.toHaveProperty('tools');
  });

  it('asks for JSON in the system message', () => {
    const wish = 'Answer with one JSON object and nothing else.';
    const asked = (given: object[]) =>
      chatTask(request({ messages: given, response_format: { type: 'json_object' } }), () => 0).messages;
    expect(asked(messages)).toEqual([{ role: 'system', content: wish }, ...messages]);
    const system = { role: 'system', content: 'Be brief.' };
    expect(asked([system, ...messages])).toEqual([{ role: 'system', content: `Be brief.\n\n${wish}` }, ...messages]);
  });

  it('is refused or understood, whatever it is', () => {
    fc.assert(
      fc.property(
        fc.anything(),
        fc.dictionary(fc.constantFrom('stop', 'n', 'seed', 'messages', 'tools', 'tool_choice'), fc.anything()),
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
