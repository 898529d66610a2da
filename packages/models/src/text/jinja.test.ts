// What differs from Python is put right, what would never end is stopped. The same against Python's own Jinja is in
// tests/python-templates.test.ts.

import { describe, expect, it } from 'vitest';
import { ModelError } from '../errors.ts';
import { makeChatTemplate } from './make-chat-template.ts';

const render = (source: string, content = '\n\n a.b \n', role: 'user' | 'system' = 'user') =>
  makeChatTemplate(source).render([{ role, content }], { addGenerationPrompt: true });

describe('a chat template', () => {
  it.each([
    ["{{ messages[0].content.strip('\\n') }}", ' a.b '],
    ["{{ messages[0].content.lstrip('\\n') }}", ' a.b \n'],
    ["{{ messages[0].content.rstrip('\\n') }}", '\n\n a.b '],
    ["{{ messages[0].content.strip('\\n b') }}", 'a.'],
    ['{{ messages[0].content.strip() }}', 'a.b'],
    ['{{ messages[0].content | trim }}', 'a.b'],
    ["{{ 'x' if '' == false else 'y' }}", 'y'],
    ["{{ 'x' if '' != false else 'y' }}", 'x'],
    ["{{ 'x' if none == undefined_one else 'y' }}", 'y'],
    ["{{ 'x' if 1 == true and [1] == [1] and '1' != 1 else 'y' }}", 'x'],
    ["{{ 'x' if tools is none and documents is none else 'y' }}", 'x'],
    ["{{ 'x' if tools is defined else 'y' }}", 'x'],
    ['{% for call in messages[0].tool_calls %}x{% else %}y{% endfor %}', 'y'],
    ['{% for one in missing %}x{% endfor %}z', 'z'],
    ['{{ missing | trim }}z', 'z'],
    ['{% for one in messages[0].role %}{{ one }}.{% endfor %}', 'u.s.e.r.'],
    ["{{ {'a': 1}[messages[0].missing] }}{{ 'x' if {'a': 1}[missing] is not defined else 'y' }}", 'x'],
    ["{{ [1, 'a', true, none, {'b': 1.5}] }}", "[1, 'a', True, None, {'b': 1.5}]"],
    ["{{ {'a': \"it's\"} | string }}", "{'a': \"it's\"}"],
  ])('%s gives what Python gives', (source, expected) => {
    expect(render(source)).toBe(expected);
  });

  it.each([
    ['{% for i in range(1000000000) %}{% endfor %}', /range\(\) of 1000000000 is longer than 10000/],
    ['{% for i in range(9999) %}{% for j in range(9999) %}{% endfor %}{% endfor %}', /more than 1000000 steps/],
    ['{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}', /cannot be used/],
    [
      "{% set ns = namespace(t='0123456789') %}{% for i in range(99) %}{% set ns.t = ns.t ~ ns.t %}{% endfor %}",
      /longer than|more than/,
    ],
    [
      '{% set ns = namespace(l=[1]) %}{% for i in range(99) %}{% set ns.l = ns.l + ns.l %}{% endfor %}',
      /longer than|more than/,
    ],
    ['{% if %}', /cannot be used/],
  ])('%s is stopped with a sentence', (source, message) => {
    let error: unknown;
    try {
      render(source);
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(ModelError);
    expect(error).toMatchObject({ code: 'bad_template', message: expect.stringMatching(message) });
  });

  it('that knows no system role gets its text in front of the first user message', () => {
    const source =
      "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}" +
      '<{{ m.role }}>{{ m.content }}{% endfor %}';
    const template = makeChatTemplate(source);
    const system = { role: 'system', content: 'Be brief.' } as const;
    const user = { role: 'user', content: 'Hi' } as const;
    expect(template.render([system, user], { addGenerationPrompt: true })).toBe('<user>Be brief.\n\nHi');
    expect(template.render([system], { addGenerationPrompt: true })).toBe('<user>Be brief.');
    expect(() => template.render([user, system], { addGenerationPrompt: true })).toThrow(
      /refuses this conversation: System role not supported/,
    );
  });
});
