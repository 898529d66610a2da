// One request for chat completions, from the moment that an agent asks it until each of its choices has a reply.

import { type ChatAnswer, ChatReply, type ChatTask } from '@ludic/chat';
import type { PolicyRequest, Reply } from '@ludic/policies';

/** What went wrong with a request, in OpenAI's words. */
export class RequestRefused extends Error {
  override readonly name = 'RequestRefused';
  readonly status: number;
  readonly code: string;
  readonly param: string | null;

  /** @param code for programs, of OpenAI where it has one */
  constructor(status: number, code: string, message: string, param: string | null = null) {
    super(message);
    this.status = status;
    this.code = code;
    this.param = param;
  }
}

/** The policy's reply to a request, with what is known of its tokens. */
export type GivenReply = Pick<Reply, 'text' | 'finish' | 'toolText'> & {
  readonly tokens?: { readonly prompt: ArrayLike<number>; readonly completion: ArrayLike<number> } | undefined;
};

export class AskedRequest {
  readonly task: ChatTask;
  readonly #replies: GivenReply[] = [];
  readonly #answer = Promise.withResolvers<ChatAnswer>();

  constructor(task: ChatTask) {
    this.task = task;
    // An agent may be gone before its request fails.
    this.answer.catch(() => {});
  }

  /** Rejects with RequestRefused. */
  get answer(): Promise<ChatAnswer> {
    return this.#answer.promise;
  }

  /** As the policy is asked. */
  get request(): PolicyRequest {
    const { messages, tools, sampling, stop } = this.task;
    const { maxCompletionLength } = sampling;
    return {
      messages,
      ...(tools && { tools }),
      stop,
      ...(maxCompletionLength !== undefined && { maxCompletionLength }),
    };
  }

  /** The reply to one more choice. @returns whether all have theirs */
  reply(given: GivenReply): boolean {
    this.#replies.push(given);
    if (this.#replies.length < this.task.choices) return false;
    this.#answer.resolve(this.#whole());
    return true;
  }

  refuse(reason: RequestRefused): void {
    this.#answer.reject(reason);
  }

  #whole(): ChatAnswer {
    const { tokens } = this.#replies[0]!;
    const { tokenIds } = this.task;
    return {
      choices: this.#replies.map((reply) => choiceOf(reply, this.task)),
      promptTokens: tokens?.prompt.length ?? 0,
      completionTokens: this.#replies.reduce((sum, reply) => sum + (reply.tokens?.completion.length ?? 0), 0),
      ...(tokenIds && tokens && { promptTokenIds: Array.from(tokens.prompt) }),
    };
  }
}

/** How a scripted player writes calls: the form of models whose templates know none. */
const SCRIPTED_FORMAT = 'hermes';

function choiceOf({ text, finish, tokens, toolText }: GivenReply, task: ChatTask) {
  const { keepStop, stop, oneCall, tokenIds, tools } = task;
  const toolFormat = tools && (toolText?.format ?? SCRIPTED_FORMAT);
  const reply = new ChatReply({ stop: keepStop ? [] : stop, toolFormat, oneCall });
  reply.finish(toolText?.text ?? text);
  const { content, toolCalls } = reply;
  return {
    text: content,
    finish,
    tokens: [],
    ...(toolCalls.length > 0 && { toolCalls }),
    ...(tokenIds && tokens && { tokenIds: Array.from(tokens.completion) }),
  };
}
