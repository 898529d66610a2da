// A chat template at work: messages and tools to the text that a model was taught to expect.

import { ModelError } from '../errors.ts';
import { compileJinja, RaisedByTemplate } from './jinja.ts';
import { writesMessagesAlone } from './message-loop.ts';
import type { ChatMessage, Tool } from './tools/conversation.ts';
import { withoutTools } from './tools/default-form.ts';
import { type ToolFormat, toolFormatOf } from './tools/formats.ts';
import { knowledgeOf, templateVariables } from './tools/template-tools.ts';

/** What a prompt has beside its messages. */
export interface RenderOptions {
  /** End where the assistant's answer begins. */
  readonly addGenerationPrompt: boolean;
  /** What the model may call; none where absent or empty. */
  readonly tools?: readonly Tool[];
}

/** Writes a conversation as the text that a model was trained to read. */
export interface ChatTemplate {
  render(messages: readonly ChatMessage[], options: RenderOptions): string;
  /** How a reply to it writes calls of tools; `hermes` where absent. */
  readonly toolFormat?: ToolFormat;
  /** The text of a conversation is that of each message, rendered alone, one after the other, and of no message. */
  readonly writesMessagesAlone?: boolean;
}

/**
 * Variables of a chat template beside those that every one knows, such as `enable_thinking`. transformers takes them as further
 * arguments of `apply_chat_template`.
 */
export type TemplateOptions = Readonly<Record<string, unknown>>;

/** Variables of a template that are no options. */
const RESERVED: readonly string[] = ['messages', 'add_generation_prompt', 'tools', 'documents'];

/**
 * A chat template from its Jinja source.
 * @param tokens special tokens that it may write, such as `bos_token`
 * @param settings.name of the model, for error messages
 * @param settings.toolUse source of the template for conversations with tools, where that is another
 * @throws ModelError `bad_template`, here or when a conversation is rendered
 */
export function makeChatTemplate(
  source: string,
  tokens: Readonly<Record<string, string>> = {},
  { name = 'The model', options = {}, toolUse }: TemplateSettings = {},
): ChatTemplate {
  const taken = RESERVED.find((variable) => Object.hasOwn(options, variable));
  if (taken !== undefined)
    throw new ModelError('bad_template', `The template option ${taken} cannot be set: the conversation says it.`);
  const failed = (error: unknown) => {
    const what = error instanceof RaisedByTemplate ? 'refuses this conversation' : 'cannot be used';
    return new ModelError('bad_template', `The chat template of ${name} ${what}: ${(error as Error).message}`, {
      cause: error,
    });
  };
  const compile = (text: string) => {
    try {
      return { run: compileJinja(text), knowledge: knowledgeOf(text), format: toolFormatOf(text) };
    } catch (error) {
      throw failed(error);
    }
  };
  const usual = compile(source);
  const withTools = toolUse === undefined ? usual : compile(toolUse);
  return {
    writesMessagesAlone: writesMessagesAlone(source, [...Object.keys(tokens), ...Object.keys(options)]),
    toolFormat: withTools.knowledge.tools === 'nowhere' ? 'hermes' : withTools.format,
    render(messages, { addGenerationPrompt, tools = [] }) {
      const { run, knowledge, format } = tools.length > 0 ? withTools : usual;
      const isPlain = knowledge.tools === 'nowhere';
      const told = isPlain ? withoutTools(messages, tools) : messages;
      const rendered = (conversation: readonly ChatMessage[]) =>
        run({
          ...tokens,
          // What transformers gives as well: templates ask whether documents are none.
          documents: null,
          ...options,
          add_generation_prompt: addGenerationPrompt,
          ...templateVariables(conversation, isPlain ? [] : tools, format, knowledge),
        });
      try {
        return rendered(told);
      } catch (error) {
        const folded = error instanceof RaisedByTemplate ? foldSystem(told) : undefined;
        if (!folded) throw failed(error);
        try {
          return rendered(folded);
        } catch {
          throw failed(error);
        }
      }
    },
  };
}

interface TemplateSettings {
  readonly name?: string;
  readonly options?: TemplateOptions;
  readonly toolUse?: string;
}

/** The conversation for templates that know no system role: its text stands in front of the first user message. */
function foldSystem([first, ...rest]: readonly ChatMessage[]): readonly ChatMessage[] | undefined {
  if (first?.role !== 'system') return undefined;
  const [next, ...others] = rest;
  if (next?.role !== 'user') return [{ role: 'user', content: first.content }, ...rest];
  return [{ role: 'user', content: `${first.content}\n\n${next.content}` }, ...others];
}
