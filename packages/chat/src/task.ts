// What a request asks of a model: a prompt, how to sample replies to it, and what is told of them.

import type { Prompt, SamplingParams } from '@ludic/inference';
import type { ChatMessage } from '@ludic/models';
import { toMessages } from './messages.ts';
import type { ChatCompletionRequest } from './request.ts';

/** One request to a model. */
export interface ChatTask extends Pick<Prompt, 'messages' | 'tools'> {
  /** Without a limit of tokens, the answerer chooses one. */
  readonly sampling: Omit<SamplingParams, 'stop' | 'maxCompletionLength'> & { readonly maxCompletionLength?: number };
  /** Texts that end a reply, beside what ends a turn of the model. */
  readonly stop: readonly string[];
  /** Whether they are a part of it. */
  readonly keepStop: boolean;
  readonly seed: number;
  /** How many replies. */
  readonly choices: number;
  /** How many likely tokens are told at each place beside the one drawn; nothing is told about tokens where absent. */
  readonly alternatives?: number;
  /** Of several calls in a reply, the first alone is kept. */
  readonly oneCall?: true;
  /** Whether the ids of tokens are told. */
  readonly tokenIds?: true;
  /** Whether text is wanted as it is written. */
  readonly stream: boolean;
}

/** @param randomSeed for requests without one */
export function chatTask(request: ChatCompletionRequest, randomSeed: () => number): ChatTask {
  const limit = request.max_completion_tokens ?? request.max_tokens;
  const stop = request.stop ?? [];
  const tools = request.tool_choice === 'none' ? [] : toTools(request.tools ?? []);
  const messages = toMessages(request.messages);
  return {
    messages: request.response_format?.type === 'json_object' ? withJsonWish(messages) : messages,
    ...(tools.length > 0 && { tools }),
    sampling: {
      temperature: request.temperature ?? 1,
      topP: request.top_p ?? 1,
      topK: Math.max(0, request.top_k ?? 0),
      ...(limit != null && { maxCompletionLength: limit }),
    },
    stop: typeof stop === 'string' ? [stop] : stop,
    keepStop: request.include_stop_str_in_output ?? false,
    seed: request.seed ?? randomSeed(),
    choices: request.n ?? 1,
    ...(request.logprobs && { alternatives: request.top_logprobs ?? 0 }),
    ...(request.parallel_tool_calls === false && { oneCall: true }),
    ...(request.return_token_ids && { tokenIds: true }),
    stream: request.stream ?? false,
  };
}

const toTools = (tools: NonNullable<ChatCompletionRequest['tools']>): NonNullable<Prompt['tools']> =>
  tools.map(({ function: { name, description, parameters } }) => ({
    name,
    ...(description != null && { description }),
    ...(parameters != null && { parameters }),
  }));

const JSON_WISH = 'Answer with one JSON object and nothing else.';

/** `response_format: json_object`: nothing but these words makes the model write JSON. */
function withJsonWish(messages: readonly ChatMessage[]): readonly ChatMessage[] {
  const [first, ...rest] = messages;
  if (first?.role !== 'system') return [{ role: 'system', content: JSON_WISH }, ...messages];
  return [{ role: 'system', content: `${first.content}\n\n${JSON_WISH}` }, ...rest];
}
