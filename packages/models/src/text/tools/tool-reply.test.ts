import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TOOL_FORMATS, type ToolFormat, toolFormatOf } from './formats.ts';
import { parseToolReply, settledContent } from './tool-reply.ts';

const FORMATS = Object.keys(TOOL_FORMATS) as ToolFormat[];
const call = (name: string, text: string, id?: string) => ({ ...(id && { id }), name, arguments: text });
const weather = call('weather', '{"city": "Rome", "days": 2}');
const time = call('time', '{}');

/** Replies as the families write them, with what they mean. */
const REPLIES: readonly (readonly [ToolFormat, string, string, ReturnType<typeof call>[]])[] = [
  ['hermes', '<tool_call>\n{"name": "weather", "arguments": {"city": "Rome", "days": 2}}\n</tool_call>', '', [weather]],
  [
    'hermes',
    'Let me look.\n<tool_call>\n{"name": "weather", "arguments": {"city": "Rome", "days": 2}}\n</tool_call>\n<tool_call>\n{"name": "time", "arguments": {}}\n</tool_call>',
    'Let me look.',
    [weather, time],
  ],
  ['hermes', '<tool_call>{"name": "time", "arguments": {}}', '', [time]],
  ['hermes', '<tool_call>{"name": "time", "arguments": "{}"}</tool_call> Done.', 'Done.', [time]],
  [
    'hermes',
    '<think>\nI could write <tool_call>.\n</think>\n\n<tool_call>\n{"name": "time", "arguments": {}}\n</tool_call>',
    '<think>\nI could write <tool_call>.\n</think>',
    [time],
  ],
  [
    'hermes',
    '<tool_call>{"name": "f", "arguments": {"a": "</tool_call> \\" }", "b": [{}]}}</tool_call>',
    '',
    [call('f', '{"a": "</tool_call> \\" }", "b": [{}]}')],
  ],
  [
    'hermes',
    '<tool_call>{"name": "f", "arguments": {"x": 1.0, "n": 12345678901234567890}}</tool_call>',
    '',
    [call('f', '{"x": 1.0, "n": 12345678901234567890}')],
  ],
  [
    'hermes',
    '<think>No.</think><tool_call>{"name": "f", "id": "1", "arguments": {"a": "</think>"}}</tool_call>',
    '<think>No.</think>',
    [call('f', '{"a": "</think>"}')],
  ],
  ['llama3', '{"name": "weather", "parameters": {"city": "Rome", "days": 2}}', '', [weather]],
  ['llama3', '<|python_tag|>{"name": "time", "parameters": {}}; {"name": "time", "parameters": {}}', '', [time, time]],
  ['llama3', '{"type": "function", "name": "time", "parameters": {}}', '', [time]],
  [
    'mistral',
    '[TOOL_CALLS] [{"name": "weather", "arguments": {"city": "Rome", "days": 2}, "id": "abcdefghi"}]',
    '',
    [{ ...weather, id: 'abcdefghi' }],
  ],
  [
    'mistral',
    'Let me look.[TOOL_CALLS][{"name": "time", "arguments": {}}, {"name": "time", "arguments": {}}]',
    'Let me look.',
    [time, time],
  ],
  [
    'mistral',
    '[TOOL_CALLS]weather[CALL_ID]abcdefghi[ARGS]{"city": "Rome", "days": 2}[TOOL_CALLS]time{}',
    '',
    [{ ...weather, id: 'abcdefghi' }, time],
  ],
  ['phi', '<|tool_call|>[{"name": "weather", "arguments": {"city": "Rome", "days": 2}}]<|/tool_call|>', '', [weather]],
  ['phi', 'functools[{"name": "time", "arguments": {}}]', '', [time]],
  [
    'function_gemma',
    '<start_function_call>call:weather{city:<escape>Rome<escape>,days:2}<end_function_call>',
    '',
    [weather],
  ],
  [
    'gemma4',
    '<|tool_call>call:f{a:[1,-2.5e3,true,null],b:{c:<|"|>x "y" {z}<|"|>}}<tool_call|><|tool_call>call:time{}<tool_call|>',
    '',
    [call('f', '{"a": [1, -2.5e3, true, null], "b": {"c": "x \\"y\\" {z}"}}'), time],
  ],
];

describe('a reply', () => {
  it.each(REPLIES)('in the form of %s is taken apart: %s', (format, text, content, toolCalls) => {
    expect(parseToolReply(format, text)).toEqual({ content, toolCalls });
  });

  it.each([
    ['hermes', 'Hello, <tool_call> is a tag.'],
    ['hermes', '<tool_call>{"name": "f", "arguments": {"a": }}</tool_call>'],
    ['hermes', '<tool_call>{"name": "f", "arguments": [1]}</tool_call>'],
    ['hermes', '<tool_call>{"name": 3, "arguments": {}}</tool_call>'],
    ['hermes', '<tool_call>{"name": "f"}</tool_call>'],
    ['hermes', '<tool_call>{"name": "f", "arguments": {}} and more'],
    ['hermes', '<tool_call>{"name": "f", "arguments": {}}</tool_call><tool_call>{"name'],
    ['hermes', '<think><tool_call>{"name": "f", "arguments": {}}</tool_call></think> No.'],
    ['llama3', 'A person: {"name": "Ada", "parameters": {}}'],
    ['llama3', '{"name": "Ada", "age": 36}'],
    ['llama3', '<|python_tag|>brave_search.call(query="x")'],
    ['mistral', '[{"name": "f", "arguments": {}}]'],
    ['mistral', '[TOOL_CALLS]'],
    ['phi', '{"name": "f", "arguments": {}}'],
    ['gemma4', '<|tool_call>call:f{a:<|"|>open}<tool_call|>'],
    ['function_gemma', '<start_function_call>f{}<end_function_call>'],
  ] as const)('of %s that is no call is text: %s', (format, text) => {
    expect(parseToolReply(format, text)).toEqual({ content: text, toolCalls: [] });
  });
});

/** A reply with parts cut, repeated, exchanged or replaced. */
const mutated = fc
  .tuple(
    fc.constantFrom(...REPLIES.map(([, text]) => text)),
    fc.array(
      fc.tuple(
        fc.nat(200),
        fc.nat(40),
        fc.oneof(fc.string(), fc.constantFrom('{', '}', '"', '\\', '[', '<tool_call>', '[TOOL_CALLS]', '</think>')),
      ),
      {
        maxLength: 4,
      },
    ),
  )
  .map(([text, cuts]) => cuts.reduce((so, [at, length, put]) => so.slice(0, at) + put + so.slice(at + length), text));

describe('any reply', () => {
  it('is taken apart without an error, and the arguments of its calls are objects', () => {
    fc.assert(
      fc.property(fc.constantFrom(...FORMATS), mutated, (format, text) => {
        const { content, toolCalls } = parseToolReply(format, text);
        if (toolCalls.length === 0) expect(content).toBe(text);
        for (const { name, arguments: given } of toolCalls) {
          expect(name).not.toBe('');
          expect(JSON.parse(given)).toBeTypeOf('object');
        }
      }),
      { numRuns: 3000 },
    );
  });

  it('keeps what was certain of its content while it was written', () => {
    fc.assert(
      fc.property(fc.constantFrom(...FORMATS), mutated, fc.nat(300), (format, text, length) => {
        const { content } = parseToolReply(format, text);
        const sofar = text.slice(0, length);
        const settled = sofar.slice(0, settledContent(format, sofar));
        expect(content.startsWith(settled)).toBe(true);
      }),
      { numRuns: 3000 },
    );
  });

  it('holds back nothing of words that open no call', () => {
    for (const format of FORMATS) expect(settledContent(format, 'Hello, you.')).toBe(11);
  });
});

it('is the form that the template of a model shows', () => {
  expect(toolFormatOf("{{ '<start_function_call>call:' }}")).toBe('function_gemma');
  expect(toolFormatOf("{{ '<|tool_call>call:' }}")).toBe('gemma4');
  expect(toolFormatOf("{{ '[TOOL_CALLS] [' }}")).toBe('mistral');
  expect(toolFormatOf("{{ '<|tool|>' }}")).toBe('phi');
  expect(toolFormatOf(`{{ '<|start_header_id|>' }}{{ '"parameters": ' }}`)).toBe('llama3');
  expect(toolFormatOf("{{ '<tool_call>' }}")).toBe('hermes');
  expect(toolFormatOf('{{ messages[0].content }}')).toBe('hermes');
});
