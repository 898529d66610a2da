import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CHATML } from '../default-template.ts';
import { makeChatTemplate } from '../make-chat-template.ts';
import type { ChatMessage, Tool } from './conversation.ts';
import { knowledgeOf } from './template-tools.ts';
import { parseToolReply } from './tool-reply.ts';

const tools: readonly Tool[] = [
  { name: 'look', description: 'Looks.', parameters: { type: 'object', properties: { at: { type: 'string' } } } },
  { name: 'time' },
];
const talk: readonly ChatMessage[] = [
  { role: 'system', content: 'Be brief.' },
  { role: 'user', content: 'Hi' },
  {
    role: 'assistant',
    content: 'Let me look.',
    toolCalls: [
      { id: 'a', name: 'look', arguments: '{"at": "door"}' },
      { id: 'b', name: 'time', arguments: '{}' },
    ],
  },
  { role: 'tool', content: 'A door.', toolCallId: 'a' },
  { role: 'tool', content: 'Noon.', toolCallId: 'b' },
];
const prompt = { addGenerationPrompt: true, tools };

describe('a template that knows no tools', () => {
  const template = makeChatTemplate(CHATML.source);
  const DESCRIBED =
    'You may call tools. Each line between these tags is one tool, described as JSON:\n<tools>\n' +
    '{"type":"function","function":{"name":"look","description":"Looks.","parameters":{"type":"object","properties":{"at":{"type":"string"}}}}}\n' +
    '{"type":"function","function":{"name":"time"}}\n</tools>\n' +
    'To call a tool, write its name and its arguments as JSON between these tags, once for each call, and wait for the result:\n' +
    '<tool_call>{"name": "NAME", "arguments": {"ARGUMENT": "VALUE"}}</tool_call>';

  it('has them told in the system message, called in tags and answered by the user', () => {
    expect(template.toolFormat).toBe('hermes');
    expect(template.render(talk, prompt)).toBe(
      `<|im_start|>system\nBe brief.\n\n${DESCRIBED}<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n` +
        '<|im_start|>assistant\nLet me look.\n<tool_call>{"name": "look", "arguments": {"at": "door"}}</tool_call>\n' +
        '<tool_call>{"name": "time", "arguments": {}}</tool_call><|im_end|>\n' +
        '<|im_start|>user\n<tool_response>A door.</tool_response>\n<tool_response>Noon.</tool_response><|im_end|>\n' +
        '<|im_start|>assistant\n',
    );
    expect(template.render(talk.slice(1, 2), prompt)).toContain(`<|im_start|>system\n${DESCRIBED}<|im_end|>`);
  });

  it('and no system role has them told by the first user message', () => {
    const strict = makeChatTemplate(
      "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('No system') }}{% endif %}<{{ m.role }}>{{ m.content }}{% endfor %}",
    );
    expect(strict.render(talk.slice(1, 2), prompt)).toBe(`<user>${DESCRIBED}\n\nHi`);
  });

  it('writes a conversation without tools as before', () => {
    const plain = talk.slice(0, 2);
    expect(template.render(plain, { addGenerationPrompt: true, tools: [] })).toBe(
      template.render(plain, { addGenerationPrompt: true }),
    );
  });

  it('writes a reply that was taken apart as it was', () => {
    const json = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 2 })).map((value) => JSON.stringify(value));
    const call = fc.record({ name: fc.stringMatching(/^[a-z_]{1,9}$/), arguments: json });
    fc.assert(
      fc.property(
        fc.array(call, { minLength: 1, maxLength: 3 }),
        fc.constantFrom('', 'Let me look.'),
        (calls, said) => {
          const write = (message: ChatMessage) =>
            template.render([message], { addGenerationPrompt: false }).slice('<|im_start|>assistant\n'.length, -11);
          const text = write({ role: 'assistant', content: said, toolCalls: calls });
          const { content, toolCalls } = parseToolReply('hermes', text);
          expect([content, toolCalls]).toEqual([said, calls]);
          expect(write({ role: 'assistant', content, toolCalls })).toBe(text);
        },
      ),
    );
  });
});

describe('a template that knows tools', () => {
  it('is one with a variable of that name, or which reads them from a message', () => {
    expect(knowledgeOf('{% if tools %}{% endif %}{{ messages[0].tool_calls }}')).toEqual({
      tools: 'variable',
      calls: true,
    });
    expect(knowledgeOf("{% for m in messages %}{{ m['tools'] }}{% endfor %}")).toEqual({
      tools: 'system message',
      calls: false,
    });
    expect(knowledgeOf("{# tools #}{{ messages[0]['tool_calls'] }}")).toEqual({ tools: 'nowhere', calls: true });
  });

  it('gets messages and tools in the shape of transformers', () => {
    const seen = makeChatTemplate('{{ tools | tojson }}\n{{ messages | tojson }}{{ x.tool_calls }}').render(
      talk,
      prompt,
    );
    const [given, messages] = seen.split('\n').map((line) => JSON.parse(line));
    expect(given).toEqual([
      { type: 'function', function: tools[0] },
      { type: 'function', function: { name: 'time' } },
    ]);
    expect(messages.slice(2)).toEqual([
      {
        role: 'assistant',
        content: 'Let me look.',
        tool_calls: [
          { id: 'a', type: 'function', function: { name: 'look', arguments: { at: 'door' } } },
          { id: 'b', type: 'function', function: { name: 'time', arguments: {} } },
        ],
      },
      { role: 'tool', tool_call_id: 'a', content: 'A door.' },
      { role: 'tool', tool_call_id: 'b', content: 'Noon.' },
    ]);
    const none = makeChatTemplate("{{ 'none' if tools is none }}").render(talk, { addGenerationPrompt: true });
    expect(none).toBe('none');
  });

  it('has calls in the text of a message where it would leave them out', () => {
    const template = makeChatTemplate('{% if tools %}T{% endif %}{% for m in messages %}[{{ m.content }}]{% endfor %}');
    expect(template.render(talk.slice(2, 3), prompt)).toBe(
      'T[Let me look.\n<tool_call>\n{"name": "look", "arguments": {"at": "door"}}\n</tool_call>\n' +
        '<tool_call>\n{"name": "time", "arguments": {}}\n</tool_call>]',
    );
  });

  it("finds them in the system message as Phi's does, with one made where there is none", () => {
    const source =
      "{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}{% if m['tools'] %}<|tool|>{{ m['tools'] }}<|/tool|>{% endif %}<|end|>{% endfor %}";
    const template = makeChatTemplate(source);
    expect(template.toolFormat).toBe('phi');
    const described = '[{"name":"time"}]';
    const text = template.render(talk.slice(1, 3), { addGenerationPrompt: false, tools: [{ name: 'time' }] });
    expect(text).toBe(
      `<|system|><|tool|>${described}<|/tool|><|end|><|user|>Hi<|end|><|assistant|>Let me look.\n` +
        '<|tool_call|>[{"name": "look", "arguments": {"at": "door"}}, {"name": "time", "arguments": {}}]<|/tool_call|><|end|>',
    );
  });

  it('of Mistral gets ids of nine letters and digits, the same for a call and its result', () => {
    const template = makeChatTemplate(
      '{# [TOOL_CALLS] #}{% if tools %}{% endif %}{% for m in messages %}{% for c in m.tool_calls %}{{ c.id }} {% endfor %}{{ m.tool_call_id }}{% endfor %}',
    );
    expect(template.render(talk, prompt)).toBe('call00001 call00002 call00001call00002');
  });
});
