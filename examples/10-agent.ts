// An agent with two tools that learns, written with the AI SDK: npm run ludic -- train --agent examples/10-agent.ts
// --warm-start 400 --warm-start-episodes 24 --max-completion-length 64 --steps 80 --batch-size 128 --out runs/agent
// It asks which box has the prize, opens that one, and says what was in it.

import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { generateText, isStepCount, jsonSchema, tool } from 'ai';
import { defineAgent } from 'ludic';

const PRIZES = ['red', 'blue', 'green'];
const tasks = [1, 2, 3, 4].flatMap((box) => PRIZES.map((prize) => ({ box, prize })));
const call = (name: string, args: string) => `<tool_call>{"name": "${name}", "arguments": ${args}}</tool_call>`;

export default defineAgent({
  id: 'prize',
  tasks,
  async agent({ task, baseURL, apiKey, signal }) {
    let [hasAsked, hasOpened] = [false, false];
    const { text } = await generateText({
      model: createOpenAICompatible({ name: 'ludic', baseURL, apiKey })('policy'),
      system: 'Find the prize.',
      prompt: 'Which color is it?',
      abortSignal: signal,
      stopWhen: isStepCount(3),
      tools: {
        ask: tool({
          description: 'Says the box of the prize.',
          inputSchema: jsonSchema<object>({ type: 'object', properties: {} }),
          execute: async () => {
            hasAsked = true;
            return `Box ${task.box}.`;
          },
        }),
        open: tool({
          description: 'Opens a box.',
          inputSchema: jsonSchema<{ box: number }>({ type: 'object', properties: { box: { type: 'integer' } } }),
          execute: async ({ box }) => {
            if (box !== task.box) return 'Nothing.';
            hasOpened ||= hasAsked;
            return `It is ${task.prize}.`;
          },
        }),
      },
    });
    const isRight = hasOpened && text === `<answer>${task.prize}</answer>`;
    return 0.1 * Number(hasAsked) + 0.2 * Number(hasOpened) + 0.7 * Number(isRight);
  },
  // What a model that does not know the format may say: all of it, in any order.
  exampleReplies: [
    call('ask', '{}'),
    ...[1, 2, 3, 4].map((box) => call('open', `{"box": ${box}}`)),
    ...PRIZES.map((prize) => `<answer>${prize}</answer>`),
  ],
});
