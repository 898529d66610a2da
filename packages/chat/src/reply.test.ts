import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ChatReply, type ReplyOptions } from './reply.ts';

const CALL = '<tool_call>\n{"name": "look", "arguments": {"at": 1}}\n</tool_call>';
const look = { name: 'look', arguments: '{"at": 1}' };

/** What is shown of a text that grows in pieces of so many characters. */
function written(text: string, length: number, options: Partial<ReplyOptions> = {}) {
  const reply = new ChatReply({ stop: [], toolFormat: 'hermes', ...options });
  const pieces: string[] = [];
  for (let end = 1; end < text.length; end += length) pieces.push(reply.grow(text.slice(0, end)).text);
  pieces.push(reply.finish(text).text);
  return { reply, pieces };
}

describe('a reply with tools', () => {
  it('is shown up to its call, and as a whole where there is none', () => {
    const { reply, pieces } = written(`Let me look. \n${CALL}`, 1);
    expect(pieces.slice(0, 11).join('')).toBe('Let me look');
    expect(pieces.join('')).toBe('Let me look.');
    expect([reply.content, reply.toolCalls]).toEqual(['Let me look.', [look]]);
    const broken = `Let me look. \n${CALL.replace('1', '')}`;
    expect(written(broken, 3).pieces.join('')).toBe(broken);
  });

  it('has one call where one is wanted', () => {
    expect(written(CALL + CALL, 5).reply.toolCalls).toEqual([look, look]);
    expect(written(CALL + CALL, 5, { oneCall: true }).reply.toolCalls).toEqual([look]);
  });

  it('ends at a stop text before its calls are looked for', () => {
    const { reply, pieces } = written(`Look: ${CALL}`, 4, { stop: ['</tool_call>'] });
    expect([pieces.join(''), reply.toolCalls]).toEqual(['Look:', [look]]);
    expect(written(`Stop here ${CALL}`, 4, { stop: ['here'] }).reply.toolCalls).toEqual([]);
  });

  it('is text where no tools are given', () => {
    const { reply, pieces } = written(CALL, 2, { toolFormat: undefined });
    expect([pieces.join(''), reply.content, reply.toolCalls]).toEqual([CALL, CALL, []]);
  });

  it('shows piece by piece what it holds at the end, whatever is written', () => {
    const part = fc.constantFrom(CALL, ' ', '\n', 'word', '<tool', '_call>', '</think>', '<think>', '{', 'x.');
    fc.assert(
      fc.property(fc.array(part, { maxLength: 8 }), fc.integer({ min: 1, max: 9 }), (parts, length) => {
        const { reply, pieces } = written(parts.join(''), length);
        expect(pieces.join('')).toBe(reply.content);
      }),
      { numRuns: 1000 },
    );
  });
});
