// Rollouts of agents over the gateway, with a scripted policy: who asks what, what comes back, and how rollouts end.

import type { EnvironmentDefinition } from '@ludic/environments';
import type { GamePrompt, NoReply, Policy, Reply } from '@ludic/policies';
import { expect, it } from 'vitest';
import { playEpisodes } from '../../rollouts/src/index.ts';
import type { Agent, AgentContext, AgentSettings } from './agent.ts';
import { defineAgent } from './node.ts';

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly json: {
    choices: {
      message: { content: string | null; tool_calls?: { function: { name: string; arguments: string } }[] };
      finish_reason: string;
    }[];
    error: { message: string; type: string; code: string; param: string | null };
  };
}

async function post(address: string, key: string, body: object, headers: Record<string, string> = {}): Promise<Answer> {
  const response = await fetch(`${address}/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}`, ...headers },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  return { status: response.status, text, json: text.startsWith('{') ? JSON.parse(text) : undefined };
}

const user = (content: string) => ({ model: 'policy', messages: [{ role: 'user', content }] });
const ask = ({ baseURL, apiKey }: AgentContext, body: object, headers?: Record<string, string>) =>
  post(baseURL, apiKey, body, headers);

/** Says which reply it is; what it was asked is kept. */
function counting(answer: (prompt: GamePrompt, n: number) => Reply | NoReply = (_, n) => said(`reply ${n}`)) {
  const prompts: GamePrompt[] = [];
  const policy: Policy = {
    name: 'counting',
    act: async (asked) => asked.map((prompt) => answer(prompt, prompts.push(prompt))),
    dispose() {},
  };
  return { policy, prompts };
}
const said = (text: string): Reply => ({ text, finish: 'stop' });

let agents = 0;
const start = { seed: 1, dynamicsSeed: 2, policyPath: ['test'] };
async function play<Task>(
  agent: Agent<Task>,
  policy: Policy,
  more: Partial<AgentSettings<Task>> & { readonly starts?: number } = {},
) {
  const { starts = 1, ...settings } = more;
  const environment: EnvironmentDefinition = defineAgent({
    id: `agent_${++agents}`,
    tasks: [{} as Task],
    attempts: 1,
    ...settings,
    agent,
  });
  const all = Array.from({ length: starts }, (_, i) => ({ ...start, dynamicsSeed: i }));
  return playEpisodes({ environment, config: {}, history: 'NO_HISTORY', policy, starts: all });
}

it('makes turns of what is asked, and rewards of what is returned', async () => {
  const { policy, prompts } = counting();
  const [episode] = await play(async (context) => {
    const first = await ask(context, user('one'));
    expect(first.json.choices[0]).toMatchObject({ message: { content: 'reply 1' }, finish_reason: 'stop' });
    await ask(context, { ...user('two'), max_tokens: 5, stop: ['.'] });
    return { reward: 2, turnRewards: [0.5] };
  }, policy);
  expect(episode).toMatchObject({ endReason: 'terminated', reward: 2.5 });
  expect(episode!.turns.map(({ observation, reward }) => [observation, reward])).toEqual([
    ['one', 0.5],
    ['two', 2],
  ]);
  expect(prompts[1]!.request).toMatchObject({ maxCompletionLength: 5, stop: ['.'] });
});

it('gives every rollout of a group its task, and each an address of its own', async () => {
  const seen: unknown[] = [];
  const addresses = new Set<string>();
  await play(
    async (context: AgentContext<string>) => {
      seen.push(context.task);
      addresses.add(context.baseURL).add(context.apiKey);
      // The key alone is enough.
      const answer = await post(context.baseURL.replace(/rollouts\/[^/]+\//, ''), context.apiKey, user('hello'));
      return answer.status === 200 ? 1 : 0;
    },
    counting().policy,
    { tasks: ['a', 'b', 'c'], starts: 20 },
  ).then((episodes) => expect(episodes.every(({ reward }) => reward === 1)).toBe(true));
  expect(new Set(seen).size).toBe(1);
  expect(addresses.size).toBe(40);
});

it('gives evaluations their own tasks, and passes on what an agent measures', async () => {
  const environment = defineAgent({
    id: 'measuring',
    tasks: [1],
    evaluationTasks: [2],
    agent: async (context) => {
      await ask(context, user('x'));
      return { reward: 0.1, success: true, metrics: { task: context.task } };
    },
  });
  const of = async (split?: 'evaluation') => {
    const starts = [{ ...start, ...(split && { split }) }];
    const [episode] = await playEpisodes({
      ...{ environment, config: {}, history: 'NO_HISTORY' as const, policy: counting().policy, starts },
    });
    return episode!.turns.at(-1)!.info;
  };
  expect(await of()).toEqual({ invalid: false, success: true, metrics: { task: 1 } });
  expect(await of('evaluation')).toEqual({ invalid: false, success: true, metrics: { task: 2 } });
  const bad = { id: 'measuring', tasks: [1], agent: async () => 1 };
  expect(() => defineAgent({ ...bad, tasks: [] })).toThrow('has no tasks');
  expect(() => defineAgent({ ...bad, evaluationTasks: [] })).toThrow('has no tasks');
});

it('parses calls of tools, and shows their results to the policy', async () => {
  const { policy, prompts } = counting((_, n) =>
    said(n === 1 ? 'Let me see.\n<tool_call>{"name": "look", "arguments": {"at": 3}}</tool_call>' : 'done'),
  );
  const tools = [{ type: 'function', function: { name: 'look', parameters: { type: 'object', properties: {} } } }];
  const [episode] = await play(async (context) => {
    const { json } = await ask(context, { ...user('go'), tools });
    const [{ message, finish_reason }] = json.choices as [(typeof json.choices)[number]];
    expect(finish_reason).toBe('tool_calls');
    expect(message.tool_calls![0]!.function).toEqual({ name: 'look', arguments: '{"at": 3}' });
    const result = { role: 'tool', tool_call_id: (message.tool_calls![0] as { id?: string }).id, content: 'a key' };
    const second = await ask(context, { model: 'policy', messages: [...user('go').messages, message, result], tools });
    return second.json.choices[0]!.message.content === 'done' ? 1 : 0;
  }, policy);
  expect(episode!.reward).toBe(1);
  expect(prompts[1]!.request!.messages.at(-1)).toMatchObject({ role: 'tool', content: 'a key' });
  expect(prompts[1]!.messages.at(-1)).toEqual({ role: 'user', content: '<tool_response>a key</tool_response>' });
});

it('streams, and answers several choices as several turns', async () => {
  const { policy } = counting();
  const [episode] = await play(async (context) => {
    const { text } = await ask(context, { ...user('s'), stream: true });
    expect(text).toMatch(/"content":"reply 1"[\s\S]*"finish_reason":"stop"[\s\S]*data: \[DONE\]/);
    const { json } = await ask(context, { ...user('n'), n: 3 });
    expect(json.choices.map(({ message }) => message.content)).toEqual(['reply 2', 'reply 3', 'reply 4']);
    return 1;
  }, policy);
  expect(episode!.turns).toHaveLength(4);
});

it('answers a retry with the first answer, and the same request once more with a new turn', async () => {
  const { policy } = counting();
  const [episode] = await play(async (context) => {
    const content = async (headers?: Record<string, string>) =>
      (await ask(context, user('same'), headers)).json.choices[0]!.message.content;
    expect(await content()).toBe('reply 1');
    expect(await content({ 'x-stainless-retry-count': '1' })).toBe('reply 1');
    expect(await content({ 'x-stainless-retry-count': '0' })).toBe('reply 2');
    expect(await content({ 'idempotency-key': 'k' })).toBe('reply 3');
    expect(await content({ 'idempotency-key': 'k' })).toBe('reply 3');
    // A retry of what is still being answered waits for the same answer.
    const both = await Promise.all([content({ 'idempotency-key': 'l' }), content({ 'idempotency-key': 'l' })]);
    expect(both).toEqual(['reply 4', 'reply 4']);
    return 0;
  }, policy);
  expect(episode!.turns).toHaveLength(4);
});

it.each<[string, (context: AgentContext) => Promise<Answer>, Partial<Answer['json']['error']> & { status: number }]>([
  [
    'a wrong key',
    ({ baseURL }) => post(baseURL.replace(/rollouts\/[^/]+/, 'rollouts/no'), 'no', user('x')),
    { status: 401, code: 'invalid_api_key' },
  ],
  [
    'an unknown field',
    (context) => ask(context, { ...user('x'), magic: 1 }),
    { status: 400, code: 'unknown_parameter', param: 'magic' },
  ],
  [
    'log-probabilities',
    (context) => ask(context, { ...user('x'), logprobs: true }),
    { status: 400, param: 'logprobs' },
  ],
  ['no messages', (context) => ask(context, { model: 'policy' }), { status: 400, param: 'messages' }],
  ['a huge request', (context) => ask(context, user('x'.repeat(2 ** 22))), { status: 413, code: 'request_too_large' }],
  ['too many choices', (context) => ask(context, { ...user('x'), n: 100 }), { status: 429, code: 'rollout_turns' }],
])('refuses %s in a sentence, and goes on', async (_, wrong, { status, ...error }) => {
  const { policy, prompts } = counting();
  const [episode] = await play(async (context) => {
    const refused = await wrong(context);
    expect(refused.status).toBe(status);
    expect(refused.json.error).toMatchObject({ type: 'invalid_request_error', ...error });
    expect(refused.json.error.message).not.toBe('');
    await ask(context, user('right'));
    return 1;
  }, policy);
  expect(episode!.error).toBeUndefined();
  expect(episode!.reward).toBe(1);
  expect(prompts).toHaveLength(1);
});

it('begins a rollout anew whose agent fails, and says why when it goes on failing', async () => {
  let begun = 0;
  const flaky = (failures: number) => async (context: AgentContext) => {
    await ask(context, user('x'));
    if (++begun <= failures) throw new Error('the tool is away');
    return 1;
  };
  const [mended] = await play(flaky(2), counting().policy, { attempts: 3 });
  expect([mended!.endReason, mended!.reward, begun]).toEqual(['terminated', 1, 3]);
  begun = 0;
  const [failed] = await play(flaky(9), counting().policy, { attempts: 3 });
  expect([failed!.endReason, begun]).toEqual(['failed', 3]);
  expect(failed!.error).toMatch(/^step of agent_\d+ at turn 1 .* failed: the tool is away\.$/);
});

it.each<[string, () => unknown, RegExp]>([
  ['nothing', () => undefined, /must return its reward/],
  ['NaN', () => Number.NaN, /must return its reward, a finite number/],
  ['a text', () => '1', /must return its reward/],
  ['an object of something else', () => ({ score: 1 }), /must return its reward/],
  ['a turn reward that is none', () => ({ turnRewards: ['1'] }), /must return its reward/],
])('fails an agent that returns %s', async (_, value, reason) => {
  const agent = async (context: AgentContext) => {
    await ask(context, user('x'));
    return value() as number;
  };
  const [episode] = await play(agent, counting().policy);
  expect(episode).toMatchObject({ endReason: 'failed', error: expect.stringMatching(reason) });
});

it('fails an agent that asks for nothing', async () => {
  const [episode] = await play(async () => 1, counting().policy);
  expect(episode!.error).toMatch(/returned before it asked the policy for anything/);
});

it('cuts a rollout off after its turns: the key is dead, the agent is told, requests in flight are answered', async () => {
  const told = Promise.withResolvers<{ late: Answer; aborted: boolean }>();
  const agent = async (context: AgentContext) => {
    for (let i = 0; i < 3; i++) await ask(context, user(`${i}`));
    const late = await ask(context, user('late'));
    told.resolve({ late, aborted: context.signal.aborted });
    return 5;
  };
  const [episode] = await play(agent, counting().policy, { maxTurns: 3 });
  expect(episode).toMatchObject({ endReason: 'truncated', reward: 0 });
  const { late, aborted } = await told.promise;
  expect([late.status, late.json.error.code, aborted]).toEqual([401, 'invalid_api_key', true]);
});

it('tells an agent whose conversation is too long, and counts what it has', async () => {
  const { policy } = counting((_, n) => (n === 1 ? said('ok') : { finish: 'context_full', error: 'It is too long.' }));
  const told = Promise.withResolvers<Answer>();
  const agent = async (context: AgentContext) => {
    await ask(context, user('x'));
    told.resolve(await ask(context, user('y')));
    return 1;
  };
  const [episode] = await play(agent, policy);
  expect(episode).toMatchObject({ endReason: 'context_full', error: 'It is too long.' });
  expect((await told.promise).status).toBe(410);
});
