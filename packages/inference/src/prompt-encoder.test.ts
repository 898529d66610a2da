import { fileURLToPath } from 'node:url';
import type { Message } from '@ludic/history';
import { type ChatMessage, type ChatTemplate, readChatTemplate, readTokenizer, type Tokenizer } from '@ludic/models';
import { TokenNode } from '@ludic/models/internal';
import { openModelFolder } from '@ludic/models/node';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { PromptEncoder } from './prompt-encoder.ts';

const nano = await openModelFolder(fileURLToPath(new URL('../../nano/model', import.meta.url)));
const tokenizer = await readTokenizer(nano);
const template = await readChatTemplate(nano);
const whole = (messages: readonly Message[]) =>
  tokenizer.encode(template.render(messages, { addGenerationPrompt: true }));

/** What is asked of the template and the tokenizer, as numbers of messages. */
function counted(beginsAnew: Tokenizer['beginsAnew'] = tokenizer.beginsAnew) {
  const rendered: number[] = [];
  const counting: ChatTemplate = {
    writesMessagesAlone: template.writesMessagesAlone!,
    render(messages, options) {
      rendered.push(messages.length);
      return template.render(messages, options);
    },
  };
  return { encoder: new PromptEncoder({ ...tokenizer, beginsAnew: beginsAnew! }, counting), rendered };
}

const talk = (...contents: readonly string[]): Message[] =>
  contents.map((content, i) => ({ role: i === 0 ? 'system' : i % 2 ? 'user' : 'assistant', content }));

it('encodes the messages that a conversation has grown by, and no others', () => {
  const { encoder, rendered } = counted();
  const first = encoder.encode(talk('rules', 'one'));
  expect(rendered).toEqual([0, 1, 1]);
  expect(encoder.encode(talk('rules', 'one', 'two', 'three'))).toEqual(whole(talk('rules', 'one', 'two', 'three')));
  expect(rendered).toEqual([0, 1, 1, 1, 1]);
  // The same message at another place, and a conversation that is known.
  encoder.encode(talk('rules', 'three'));
  expect(encoder.encode(talk('rules', 'one'))).toBe(first);
  expect(rendered).toEqual([0, 1, 1, 1, 1]);
});

it('encodes the whole conversation where the tokenizer cannot tell messages apart', () => {
  const { encoder, rendered } = counted(() => false);
  expect(encoder.encode(talk('rules', 'one', 'two'))).toEqual(whole(talk('rules', 'one', 'two')));
  expect(rendered).toEqual([0, 3]);
});

it('gives the ids of the whole text, however conversations branch and whatever messages hold', () => {
  const { encoder } = counted();
  const tree = new TokenNode();
  const content = fc.constantFrom(
    '',
    'one',
    'Your scratchpad:\n',
    '<|user|>',
    '<|',
    '>',
    '|>x',
    'You see a key.\n',
    ' ',
  );
  const conversation = fc.array(content, { minLength: 1, maxLength: 6 }).map((contents) => talk(...contents));
  fc.assert(
    fc.property(conversation, (messages) => {
      const { ids, node } = encoder.place({ messages }, tree);
      expect(ids).toEqual(whole(messages));
      expect(node).toBe(tree.follow(ids));
    }),
    { numRuns: 300 },
  );
});

it('encodes a prompt with tools once, and as another than the one without, or with others', () => {
  const { encoder, rendered } = counted();
  const messages = talk('rules', 'one');
  const tools = [{ name: 'look', parameters: { type: 'object', properties: {} } }];
  const plain = encoder.encode(messages);
  rendered.length = 0;
  const withTools = encoder.encode(messages, tools);
  expect(encoder.encode(talk('rules', 'one'), structuredClone(tools))).toBe(withTools);
  expect(rendered).toEqual([2]);
  expect(withTools).toEqual(tokenizer.encode(template.render(messages, { addGenerationPrompt: true, tools })));
  const others = encoder.encode(messages, [{ name: 'move' }]);
  expect(new Set([plain, withTools, others].map((ids) => ids.join())).size).toBe(3);
  expect(encoder.encode(messages)).toBe(plain);
});

it('tells calls with other arguments, and results of other calls, apart', () => {
  const { encoder } = counted();
  const asked = (text: string, result: string): ChatMessage[] => [
    ...talk('rules', 'one'),
    { role: 'assistant', content: '', toolCalls: [{ id: 'a', name: 'look', arguments: text }] },
    { role: 'tool', content: result, toolCallId: 'a' },
  ];
  const ids = [asked('{}', 'x'), asked('{"a": 1}', 'x'), asked('{}', 'y')].map((messages) => encoder.encode(messages));
  expect(new Set(ids.map((each) => each.join())).size).toBe(3);
  const tree = new TokenNode();
  const { ids: placed, node } = encoder.place({ messages: asked('{}', 'x') }, tree);
  expect(node).toBe(tree.follow(placed));
});
