// What each family's template writes of a call is what is read of it, and reads again as it was written.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TOOL_TEMPLATES, TOOLS } from '../../../testing/tool-template-cases.ts';
import { makeChatTemplate } from '../make-chat-template.ts';
import type { ToolCall } from './conversation.ts';
import { parseToolReply } from './tool-reply.ts';

const name = fc.stringMatching(/^[a-z]\w{0,9}$/);
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.string(),
    fc.string({ unit: fc.constantFrom('"', "'", '\\', '{', '}', '[', ']', ',', ':', '\n', 'é', '<', ' ') }),
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(name, tie('value'), { maxKeys: 3 }),
  ),
}));
const call = fc
  .record({ id: fc.stringMatching(/^[a-z0-9]{9}$/), name, given: fc.dictionary(name, value, { maxKeys: 4 }) })
  .map(({ given, ...rest }) => ({ ...rest, arguments: JSON.stringify(given) }));

describe.each(Object.entries(TOOL_TEMPLATES))('calls of %s', (_, { source, several, format, around: [begin, end] }) => {
  const template = makeChatTemplate(source, { bos_token: '<s>', eos_token: '</s>' });
  /** What the template writes of a reply. */
  const written = (toolCalls: readonly ToolCall[]) => {
    const messages = [{ role: 'user', content: 'Hi' } as const, { role: 'assistant', content: '', toolCalls } as const];
    const text = template.render(messages, { addGenerationPrompt: false, tools: TOOLS });
    const reply = text.slice(text.lastIndexOf(begin) + begin.length);
    return end === '' ? reply : reply.slice(0, reply.lastIndexOf(end));
  };

  it('are read from what its template writes, and written again as they were', () => {
    expect(template.toolFormat).toBe(format);
    fc.assert(
      fc.property(fc.array(call, { minLength: 1, maxLength: several ? 3 : 1 }), (calls) => {
        const text = written(calls);
        const { content, toolCalls } = parseToolReply(format, text);
        // Qwen3's template writes thoughts that it was not given.
        expect(content).toMatch(/^(<think>\n\n<\/think>)?$/);
        expect(toolCalls.map((read) => [read.name, JSON.parse(read.arguments)])).toEqual(
          calls.map((given) => [given.name, JSON.parse(given.arguments)]),
        );
        // Where a form has no ids, those of the answer stand for them.
        expect(written(toolCalls.map((read, i) => ({ ...read, id: calls[i]!.id })))).toBe(text);
      }),
      { numRuns: 200 },
    );
  });
});
