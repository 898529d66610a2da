// Agents as their users write them, with the clients of the field: what is trained is what was sampled, to the bit.

import { fileURLToPath } from 'node:url';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { ChatOpenAI } from '@langchain/openai';
import { generateText, streamText } from 'ai';
import OpenAI from 'openai';
import { expect, it } from 'vitest';
import type { Agent, AgentContext } from '../packages/agents/src/index.ts';
import { defineAgent } from '../packages/agents/src/node.ts';
import { findEnvironment, registerEnvironment, resolveConfig } from '../packages/environments/src/index.ts';
import { DEFAULT_TRAINING, Trainer, type TrainSettings } from '../packages/grpo/src/index.ts';
import { openLanguageModel } from '../packages/inference/src/index.ts';
import { openModelFolder } from '../packages/models/src/node.ts';
import { createRuntime } from '../packages/runtime/src/node.ts';

const nano = fileURLToPath(new URL('../packages/nano/model/', import.meta.url));
const game = findEnvironment('tic_tac_toe');
const config = resolveConfig(game, {});

/** One completion: the only line that differs from client to client. */
type Complete = (messages: { role: 'system' | 'user'; content: string }[], context: AgentContext) => Promise<string>;

/** Tic-Tac-Toe as an agent with a loop of its own plays it. */
const player =
  (complete: Complete): Agent =>
  async (context) => {
    const board = game.create(config);
    let observation = await board.reset(context.seed, { dynamicsSeed: context.dynamicsSeed });
    const system = game.systemPrompt(config);
    const turnRewards: number[] = [];
    for (;;) {
      const text = await complete(
        [
          { role: 'system', content: system },
          { role: 'user', content: observation },
        ],
        context,
      );
      const step = await board.step(text);
      turnRewards.push(step.reward);
      if (step.terminated || step.truncated) return { turnRewards };
      observation = step.observation;
    }
  };

const policyOf = ({ baseURL, apiKey }: AgentContext) =>
  createOpenAICompatible({ name: 'ludic', baseURL, apiKey })('policy');

const CLIENTS: Readonly<Record<string, Complete>> = {
  async fetch(messages, { baseURL, apiKey }) {
    const response = await fetch(`${baseURL}/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'policy', messages }),
    });
    const { choices } = (await response.json()) as { choices: { message: { content: string } }[] };
    return choices[0]!.message.content;
  },
  async ai_sdk(messages, context) {
    const [system, ...rest] = messages;
    return (await generateText({ model: policyOf(context), system: system!.content, messages: rest as [] })).text;
  },
  async ai_sdk_stream(messages, context) {
    const [system, ...rest] = messages;
    const { textStream } = streamText({
      model: policyOf(context),
      system: system!.content,
      messages: rest as [],
    });
    return (await Array.fromAsync(textStream)).join('');
  },
  async openai(messages, { baseURL, apiKey }) {
    const answer = await new OpenAI({ baseURL, apiKey }).chat.completions.create({ model: 'policy', messages });
    return answer.choices[0]!.message.content!;
  },
  async langchain(messages, { baseURL, apiKey }) {
    const chat = new ChatOpenAI({ model: 'policy', apiKey, configuration: { baseURL } });
    return (await chat.invoke(messages)).text;
  },
};

const settings: TrainSettings = {
  ...DEFAULT_TRAINING,
  environment: 'tic_tac_toe',
  steps: 3,
  groupSize: 4,
  batchSize: 16,
  maxCompletionLength: 8,
  learningRate: 1e-3,
  tokenBudget: 2048,
  evalEpisodes: 6,
};

/** Three updates: what was sampled and trained, and the weights after it. */
async function train(environment: string) {
  const model = await openLanguageModel(await openModelFolder(nano), await createRuntime({ threads: 1 }));
  const trainer = await Trainer.create(model, { ...settings, environment });
  const episodes = [];
  for (let step = 0; step < 3; step++) episodes.push(...(await trainer.runStep()).episodes);
  const weights = await model.parameters.download();
  await trainer.dispose();
  const replies = episodes.map(({ turns, reward }) => ({
    reward,
    turns: turns.map(({ reply: { tokens, text }, reward }) => ({
      text,
      reward,
      prompt: Array.from(tokens!.prompt),
      completion: Array.from(tokens!.completion),
      logprobs: Array.from(tokens!.logprobs),
    })),
  }));
  return { replies, weights };
}

const native = await train('tic_tac_toe');

it.each(Object.entries(CLIENTS))('an agent with %s trains to the bytes of the native game', async (name, complete) => {
  const id = `agent_${name}`;
  registerEnvironment(
    defineAgent({ id, tasks: [{}], agent: player(complete), replyTag: 'move', lockstep: true }) as never,
  );
  const { replies, weights } = await train(id);
  expect(replies).toEqual(native.replies);
  expect(weights).toEqual(native.weights);
});
