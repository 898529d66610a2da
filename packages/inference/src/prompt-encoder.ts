// Messages to token ids, by the model's chat template and tokenizer, and whether a reply to them fits the model. What was
// encoded before is not encoded again: equal messages never are and, where the template writes each message by itself and
// the tokenizer can tell them apart, neither are the messages that a conversation has grown from.

import type { Message } from '@ludic/history';
import type { ChatMessage, ChatTemplate, Tokenizer, Tool } from '@ludic/models';
import type { TokenNode, TokenTree } from '@ludic/models/internal';
import type { Prompt } from './contract.ts';

/** Messages, ids and characters in the cache; beyond, it is emptied. */
const CAPACITY = 2 ** 24;
/** What a message or a conversation counts for beside its ids and characters. */
const OBJECT = 64;

const PROMPT = { addGenerationPrompt: true };

/** The ids of a message, whatever stands around it; undefined where they depend on that. One object for equal messages. */
interface KnownMessage {
  readonly ids: Int32Array | undefined;
}

/** Whether messages are texts alone, without anything of tools. */
const isSpoken = (messages: readonly ChatMessage[], tools: readonly unknown[]): messages is readonly Message[] =>
  tools.length === 0 && messages.every((message) => message.role !== 'tool' && !('toolCalls' in message));

/** Messages, in the tree of all that were encoded. */
class Conversation {
  readonly #next = new Map<KnownMessage, Conversation>();
  /** Ids of all messages, and what ends a prompt, once they are asked for. */
  prompt: Int32Array | undefined;
  /** Where `prompt` without its end leads to in a tree. */
  node: TokenNode | undefined;
  readonly last: KnownMessage | undefined;
  readonly before: Conversation | undefined;

  constructor(before?: Conversation, last?: KnownMessage) {
    this.before = before;
    this.last = last;
  }

  get(message: KnownMessage): Conversation | undefined {
    return this.#next.get(message);
  }

  add(message: KnownMessage): Conversation {
    const longer = new Conversation(this, message);
    this.#next.set(message, longer);
    return longer;
  }
}

export class PromptEncoder {
  readonly #tokenizer: Tokenizer;
  readonly #template: ChatTemplate;
  /** What ends every prompt, where messages are encoded one by one. */
  readonly #end: Int32Array | undefined;
  #messages = messagesByRole();
  #conversations = new Conversation();
  /** Prompts with tools, which are encoded as a whole, by tools and messages. */
  #toolPrompts = new Map<string, Int32Array>();
  #size = 0;

  constructor(tokenizer: Tokenizer, template: ChatTemplate) {
    this.#tokenizer = tokenizer;
    this.#template = template;
    if (template.writesMessagesAlone) this.#end = this.#alone(template.render([], PROMPT));
  }

  /** The whole prompt, up to the assistant's turn. Equal messages with equal tools give the same array. */
  encode(messages: readonly ChatMessage[], tools: readonly Tool[] = []): Int32Array {
    return isSpoken(messages, tools) ? this.#conversationOf(messages).prompt! : this.#encodeWithTools(messages, tools);
  }

  /** The same, and where it ends in a tree, which is remembered until `forgetPlaces`. */
  place(
    { messages, tools = [] }: Pick<Prompt, 'messages' | 'tools'>,
    tree: TokenTree,
  ): { readonly ids: Int32Array; readonly node: TokenNode } {
    if (!isSpoken(messages, tools)) {
      const ids = this.#encodeWithTools(messages, tools);
      return { ids, node: tree.follow(ids) };
    }
    const conversation = this.#conversationOf(messages);
    const ids = conversation.prompt!;
    const node = this.#end && this.#nodeOf(conversation, tree)?.follow(this.#end);
    return { ids, node: node ?? tree.follow(ids) };
  }

  /** To be called when a tree is discarded. */
  forgetPlaces(): void {
    this.#conversations = new Conversation();
  }

  #encodeWithTools(messages: readonly ChatMessage[], tools: readonly Tool[]): Int32Array {
    const key = JSON.stringify([tools, messages]);
    const known = this.#toolPrompts.get(key);
    if (known) return known;
    if (this.#size > CAPACITY) this.#forget();
    const ids = this.#tokenizer.encode(this.#template.render(messages, { ...PROMPT, tools }));
    this.#toolPrompts.set(key, ids);
    this.#size += OBJECT + key.length + ids.length;
    return ids;
  }

  #conversationOf(messages: readonly Message[]): Conversation {
    if (this.#size > CAPACITY) this.#forget();
    let conversation = this.#conversations;
    for (const { role, content } of messages) {
      const message = this.#messages[role].get(content) ?? this.#addMessage(role, content);
      conversation = conversation.get(message) ?? this.#addTo(conversation, message);
    }
    conversation.prompt ??= this.#promptOf(conversation, messages);
    return conversation;
  }

  /** Undefined where messages are not encoded one by one. */
  #nodeOf(conversation: Conversation, tree: TokenTree): TokenNode | undefined {
    if (conversation.node?.tree === tree) return conversation.node;
    const { before, last } = conversation;
    conversation.node = before && last ? last.ids && this.#nodeOf(before, tree)?.follow(last.ids) : tree;
    return conversation.node;
  }

  #promptOf(conversation: Conversation, messages: readonly Message[]): Int32Array {
    const ids = this.#joined(conversation) ?? this.#tokenizer.encode(this.#template.render(messages, PROMPT));
    this.#size += ids.length;
    return ids;
  }

  /** From the longest prompt that this one has grown from; undefined where messages are not encoded one by one. */
  #joined(conversation: Conversation): Int32Array | undefined {
    const end = this.#end;
    if (!end) return undefined;
    const parts = [end];
    let known: Conversation | undefined = conversation;
    for (; known?.last && !known.prompt; known = known.before) {
      if (!known.last.ids) return undefined;
      parts.push(known.last.ids);
    }
    if (known?.prompt) parts.push(known.prompt.subarray(0, known.prompt.length - end.length));
    const ids = new Int32Array(parts.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const part of parts.reverse()) {
      ids.set(part, at);
      at += part.length;
    }
    return ids;
  }

  /** The ids of a text that stands between others; undefined where they depend on those. */
  #alone(text: string): Int32Array | undefined {
    return this.#tokenizer.beginsAnew?.(text) ? this.#tokenizer.encode(text) : undefined;
  }

  #addMessage(role: Message['role'], content: string): KnownMessage {
    const text = this.#end && this.#template.render([{ role, content }], { addGenerationPrompt: false });
    const message = { ids: text === undefined ? undefined : this.#alone(text) };
    this.#messages[role].set(content, message);
    this.#size += OBJECT + content.length;
    return message;
  }

  #addTo(conversation: Conversation, message: KnownMessage): Conversation {
    this.#size += OBJECT;
    return conversation.add(message);
  }

  #forget(): void {
    this.#messages = messagesByRole();
    this.#conversations = new Conversation();
    this.#toolPrompts = new Map();
    this.#size = 0;
  }
}

const messagesByRole = (): Readonly<Record<Message['role'], Map<string, KnownMessage>>> => ({
  system: new Map(),
  user: new Map(),
  assistant: new Map(),
});

/** The sentence why a prompt and a reply do not fit a context of `positions`; undefined where they do. */
export function contextOverflow(
  promptTokens: number,
  maxCompletionLength: number,
  positions: number,
  model: string,
): string | undefined {
  if (promptTokens + maxCompletionLength <= positions) return undefined;
  return (
    `A prompt of ${promptTokens} tokens and a reply of up to ${maxCompletionLength} do not fit the ${positions} positions ` +
    `of ${model}. Choose a history that shows less, fewer steps, or a shorter reply.`
  );
}
