import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { trainTokenizer } from './bpe-trainer.ts';
import { readChatTemplate } from './chat-template.ts';
import type { ChatTemplate } from './make-chat-template.ts';
import type { ChatMessage } from './tools/conversation.ts';

const fixture = (path: string) => readFile(new URL(`../../fixtures/${path}`, import.meta.url), 'utf8');

/** A model of these files; what is no text is written as JSON. */
function model(files: Record<string, unknown>) {
  const read = async (file: string) => {
    const content = files[file];
    if (content === undefined) return undefined;
    return new TextEncoder().encode(typeof content === 'string' ? content : JSON.stringify(content));
  };
  return { name: 'the model', read };
}

const tokenizer = (...specialTokens: string[]) => trainTokenizer({ texts: [], phrases: [], specialTokens, merges: 0 });

const talk: ChatMessage[] = [
  { role: 'system', content: 'Be brief.' },
  { role: 'user', content: 'Hi' },
  { role: 'assistant', content: 'Hello' },
  { role: 'user', content: 'Bye' },
];
const prompt = { addGenerationPrompt: true };

describe('a model with a chat template', () => {
  it('uses chat_template.jinja before tokenizer_config.json', async () => {
    const config = { chat_template: 'config' };
    expect((await readChatTemplate(model({ 'tokenizer_config.json': config }))).render(talk, prompt)).toBe('config');
    const both = model({ 'tokenizer_config.json': config, 'chat_template.jinja': 'file' });
    expect((await readChatTemplate(both)).render(talk, prompt)).toBe('file');
  });

  it('takes the one named default of several', async () => {
    const chat_template = [
      { name: 'tool_use', template: 'tools' },
      { name: 'default', template: '{{ messages[0].content }}' },
    ];
    const template = await readChatTemplate(model({ 'tokenizer_config.json': { chat_template } }));
    expect(template.render(talk, prompt)).toBe('Be brief.');
    const none = model({ 'tokenizer_config.json': { chat_template: chat_template.slice(0, 1) } });
    await expect(readChatTemplate(none)).rejects.toMatchObject({
      code: 'bad_template',
      message: expect.stringContaining('none is named "default". Save the one to use as chat_template.jinja'),
    });
  });

  it('gives it special tokens written as texts or as added-token objects, in either file', async () => {
    const template = await readChatTemplate(
      model({
        'chat_template.jinja': '{{ bos_token }}{{ eos_token }}{{ pad_token }}{{ unk_token }}',
        'tokenizer_config.json': {
          bos_token: { __type: 'AddedToken', content: '<s>', lstrip: false },
          eos_token: '</s>',
          pad_token: null,
        },
        'special_tokens_map.json': { bos_token: '<other>', pad_token: { content: '<pad>' }, unk_token: '<unk>' },
      }),
    );
    expect(template.render(talk, prompt)).toBe('<s></s><pad><unk>');
  });
});

describe('a model without a chat template', () => {
  it('of gpt2 ends each turn with the end of text, as DialoGPT does', async () => {
    const config = await fixture('gpt2-tiny/config.json');
    const expected = 'Be brief.<|endoftext|>Hi<|endoftext|>Hello<|endoftext|>Bye<|endoftext|>';
    const template = await readChatTemplate(model({ 'config.json': config }));
    expect(template.render(talk, prompt)).toBe(expected);
    expect(template.render(talk, { addGenerationPrompt: false })).toBe(expected);
    const own = model({ 'config.json': config, 'tokenizer_config.json': { eos_token: { content: '<end>' } } });
    expect((await readChatTemplate(own)).render(talk.slice(1, 3), prompt)).toBe('Hi<end>Hello<end>');
  });

  it.each(['llama-tiny', 'qwen2-tiny', 'qwen3-tiny'])('of the family of %s gets ChatML', async (folder) => {
    const template = await readChatTemplate(
      model({
        'config.json': await fixture(`${folder}/config.json`),
        'tokenizer.json': tokenizer('<|im_start|>', '<|im_end|>'),
      }),
    );
    const turns =
      '<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n' +
      '<|im_start|>assistant\nHello<|im_end|>\n<|im_start|>user\nBye<|im_end|>\n';
    expect(template.render(talk, { addGenerationPrompt: false })).toBe(turns);
    expect(template.render(talk, prompt)).toBe(`${turns}<|im_start|>assistant\n`);
  });

  it('of gemma3_text gets turns, with the system text in front of the first user message', async () => {
    const template = await readChatTemplate(
      model({
        'config.json': await fixture('gemma3-tiny/config.json'),
        'tokenizer.json': tokenizer('<start_of_turn>', '<end_of_turn>'),
      }),
    );
    expect(template.render(talk, prompt)).toBe(
      '<bos><start_of_turn>user\nBe brief.\n\nHi<end_of_turn>\n<start_of_turn>model\nHello<end_of_turn>\n' +
        '<start_of_turn>user\nBye<end_of_turn>\n<start_of_turn>model\n',
    );
    expect(template.render([{ role: 'user', content: ' Hi\n' }], prompt)).toBe(
      '<bos><start_of_turn>user\nHi<end_of_turn>\n<start_of_turn>model\n',
    );
    expect(template.render(talk.slice(0, 1), prompt)).toBe(
      '<bos><start_of_turn>user\nBe brief.<end_of_turn>\n<start_of_turn>model\n',
    );
  });

  it('is told what to do where its tokenizer does not know the tokens of its family', async () => {
    const llama = model({
      'config.json': await fixture('llama-tiny/config.json'),
      'tokenizer.json': tokenizer('<|im_start|>'),
    });
    await expect(readChatTemplate(llama)).rejects.toMatchObject({
      code: 'bad_template',
      message:
        'the model has no chat template, neither chat_template.jinja nor chat_template in tokenizer_config.json, and ' +
        'the ChatML template does not fit, as its tokenizer lacks <|im_end|>. ' +
        'Add a chat_template.jinja to its folder that writes messages as the model was trained to read them.',
    });
    const gemma = model({ 'config.json': await fixture('gemma3-tiny/config.json'), 'tokenizer.json': tokenizer() });
    await expect(readChatTemplate(gemma)).rejects.toThrow(/Gemma .* lacks <start_of_turn> and <end_of_turn>/);
  });
});

describe('variables of a template', () => {
  const source =
    '{% if enable_thinking is defined and enable_thinking is false %}<no>{% endif %}{{ messages[0].content }}';
  const files = (more = {}) => model({ 'chat_template.jinja': source, ...more });
  const render = (template: ChatTemplate) =>
    template.render([{ role: 'user', content: 'x' }], { addGenerationPrompt: true });
  const carried = (options: unknown) => ({ 'ludic.json': { format_version: 1, template_options: options } });

  it('are those that are given, else those that the model was trained with', async () => {
    expect(render(await readChatTemplate(files()))).toBe('x');
    expect(render(await readChatTemplate(files(), { enable_thinking: false }))).toBe('<no>x');
    const trained = files(carried({ enable_thinking: false }));
    expect(render(await readChatTemplate(trained))).toBe('<no>x');
    expect(render(await readChatTemplate(trained, {}))).toBe('x');
  });

  it('are refused where the conversation says them, or ludic.json is damaged', async () => {
    await expect(readChatTemplate(files(), { messages: [] })).rejects.toThrow(/option messages cannot be set/);
    await expect(readChatTemplate(files(carried(3)))).rejects.toThrow(/template_options in ludic.json .* no object/);
  });
});

describe('a template that writes each message by itself', () => {
  const alone = async (source: string, others = {}) =>
    (await readChatTemplate(model({ 'chat_template.jinja': source, ...others }))).writesMessagesAlone;
  const end = '{% if add_generation_prompt %}<a>{% endif %}';

  it('is known where its loop looks at nothing but the message', async () => {
    expect(await alone(`{% for m in messages %}<{{ m.role }}>{{ m['content'] | trim }}{% endfor %}${end}`)).toBe(true);
    const eos = { 'tokenizer_config.json': { eos_token: '</s>' } };
    expect(await alone(`{% for m in messages %}{{ m.content + eos_token }}{% endfor %}${end}`, eos)).toBe(true);
  });

  it.each([
    '{% for m in messages %}{{ loop.index }}{{ m.content }}{% endfor %}',
    '{% for m in messages %}{{ messages[0].content }}{% endfor %}',
    '{% for m in messages %}{% set n = m %}{{ m.content }}{% endfor %}',
    "{% for m in messages %}{{ raise_exception('no') }}{% endfor %}",
    '{% for m in messages[1:] %}{{ m.content }}{% endfor %}',
    '{% for m in messages if m.content %}{{ m.content }}{% endfor %}',
    '{% for m in messages %}{{ m.content }}{% endfor %}{{ messages }}',
    '{% for m in messages %}{{ m.content }}{% else %}none{% endfor %}',
    '{{ messages[0].content }}',
    '{% for m in messages %}{{ m.content }}{% endfor %}{% if add_generation_prompt %}a{% else %}b{% endif %}',
    '<s>{% for m in messages %}{{ m.content }}{% endfor %}',
  ])('is not taken for one where it may look at others: %s', async (source) => {
    expect(await alone(source)).toBe(false);
  });
});
