// Games over OpenEnv's protocol: what is played through a server is what is played here, and what a server does wrong ends
// one episode.

import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { findEnvironment, limitAnswers, resolveConfig } from '@ludic/environments';
import { afterAll, afterEach, expect, it } from 'vitest';
import { WebSocket as Client, WebSocketServer } from 'ws';
import { scriptedPolicy } from '../../policies/src/index.ts';
import { evaluationStarts, playEpisodes } from '../../rollouts/src/index.ts';
import { openEnv } from './index.ts';
import { serveOpenEnv } from './node.ts';

const game = findEnvironment('tic_tac_toe');
const config = resolveConfig(game, {});
const server = await serveOpenEnv({ definition: game, config });
const open: Server[] = [];
afterAll(() => server.close());
afterEach(() => {
  limitAnswers(undefined);
  for (const one of open.splice(0)) one.close();
});

const moves = Array.from({ length: 9 }, (_, cell) => `<move>${cell + 1}</move>`);
let games = 0;
const through = (url: string, more: object = {}) =>
  openEnv({
    id: `open_${++games}`,
    url,
    instruction: 'Play.',
    exampleActions: moves,
    observationField: 'text',
    ...more,
  });
const play = (environment: ReturnType<typeof openEnv>, count = 1) =>
  playEpisodes({
    environment,
    config: {},
    history: 'NO_HISTORY',
    policy: scriptedPolicy('random', () => environment.experts.random({})),
    starts: evaluationStarts(0, count).map((start) => ({ ...start, seed: start.seed % 2 ** 31 })),
  });

it('plays the games of a server as they are played here', async () => {
  const episodes = await play(through(server.url), 16);
  expect(episodes.map(({ endReason }) => endReason)).toEqual(Array(16).fill('terminated'));
  for (const { seed, turns } of episodes) {
    const here = game.create(config);
    let observation = await here.reset(seed);
    for (const turn of turns) {
      expect(turn.observation).toBe(observation);
      const step = await here.step(turn.reply.text.replace(/<\/?action>/g, ''));
      expect(turn.reward).toBe(step.reward);
      observation = step.observation;
    }
  }
});

it('tells the policy of a reply without an action, and cuts off after its steps', async () => {
  const environment = through(server.url, { maxSteps: 3 });
  const silent = scriptedPolicy('silent', () => ({ act: () => 'no tag here' }));
  const spec = { environment, config: {}, history: 'NO_HISTORY' as const, policy: silent };
  const [episode] = await playEpisodes({ ...spec, starts: evaluationStarts(0, 1) });
  expect(episode).toMatchObject({ endReason: 'truncated', reward: 0 });
  expect(episode!.turns.map(({ info }) => info.invalid)).toEqual([true, true, true]);
  expect(episode!.finalObservation).toMatch(/^Reply with <action>your action<\/action>\.\nYou are /);
});

/** A server that answers as it likes. */
async function strange(answer: (message: { type: string }) => string | undefined, schema: unknown = {}) {
  const http = createServer((_, response) => response.end(JSON.stringify(schema)));
  const sockets = new WebSocketServer({ server: http });
  sockets.on('connection', (socket) =>
    socket.on('message', (data) => {
      const text = answer(JSON.parse(String(data)));
      if (text === 'close') socket.close();
      else if (text !== undefined) socket.send(text);
    }),
  );
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  open.push(http);
  return `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
}
const said = (data: object) => JSON.stringify({ type: 'observation', data });
const opening = said({ observation: { text: 'hello' }, reward: null, done: false });

it.each<[string, (message: { type: string }) => string | undefined, RegExp]>([
  ['says nothing', () => undefined, /^reset of .* its promise has not settled within 0\.3 seconds\.$/],
  ['says no JSON', () => 'nonsense', /answered a reset with no observation/],
  ['says a list', () => '[1]', /answered a reset with no observation/],
  ['has no observation', () => said({ done: false }), /answered a reset with no observation/],
  ['is over at once', () => said({ observation: {}, done: true }), /was over before the first action/],
  ['fails', () => JSON.stringify({ type: 'error', data: { message: 'no board' } }), /the server says: no board/],
  ['fails without a word', () => JSON.stringify({ type: 'error' }), /the server says: it failed/],
  ['closes', () => 'close', /the server closed the connection/],
  [
    'pays in words',
    ({ type }) => (type === 'reset' ? opening : said({ observation: {}, reward: 'much', done: true })),
    /^step of .* at turn 1 .* the reward of the server is no number\.$/,
  ],
])('fails an episode whose server %s, three times', async (_, answer, reason) => {
  limitAnswers(0.3);
  let resets = 0;
  const url = await strange((message) => {
    if (message.type === 'reset') resets++;
    return answer(message);
  });
  const [episode] = await play(through(url, { actionField: 'message' }));
  expect(episode).toMatchObject({ endReason: 'failed', error: expect.stringMatching(reason) });
  expect(resets).toBe(3);
});

it.each<[string, unknown, RegExp | undefined]>([
  ['one text', { action: { properties: { say: { type: 'string' }, at: { type: 'integer' } } } }, undefined],
  [
    'one needed text',
    { action: { properties: { say: { type: 'string' }, why: { type: 'string' } }, required: ['say'] } },
    undefined,
  ],
  ['two texts', { action: { properties: { a: { type: 'string' }, b: { type: 'string' } } } }, /are a, b\.$/],
  ['no text', { action: { properties: { at: { type: 'integer' } } } }, /are none\.$/],
  ['no schema', {}, /are none\.$/],
])('looks for the text of an action in a schema with %s', async (_, schema, reason) => {
  const actions: unknown[] = [];
  const url = await strange((message) => {
    if (message.type === 'reset') return opening;
    actions.push((message as unknown as { data: unknown }).data);
    return said({ observation: {}, reward: true, done: true });
  }, schema);
  const [episode] = await play(through(url));
  if (reason) expect(episode).toMatchObject({ endReason: 'failed', error: expect.stringMatching(reason) });
  else {
    expect(episode).toMatchObject({ endReason: 'terminated', reward: 1 });
    expect(actions).toEqual([{ say: expect.stringMatching(/^<move>/) }]);
  }
});

it('says that there is no server', async () => {
  const [episode] = await play(through('ws://127.0.0.1:9'));
  expect(episode!.error).toMatch(/no server of OpenEnv answers at ws:\/\/127\.0\.0\.1:9\.$/);
});

/** What the server answers to each message. */
async function talk(
  messages: readonly string[],
  origin?: string,
): Promise<{ type: string; data: { code?: string } }[]> {
  const client = new Client(`${server.url.replace('http', 'ws')}/ws`, origin === undefined ? {} : { origin });
  const answers: { type: string; data: { code?: string } }[] = [];
  await new Promise<void>((resolve, reject) => client.once('open', resolve).once('error', reject));
  for (const message of messages) {
    const answer = new Promise<string>((resolve) => client.once('message', (data) => resolve(String(data))));
    client.send(message);
    answers.push(JSON.parse(await answer));
  }
  client.close();
  return answers;
}

it('answers what is no message with an error, and goes on', async () => {
  const wrong = ['{', '[]', '{"type":"dance"}', '{"type":"step","data":{"message":"x"}}', '{"type":"reset"}'];
  const answers = await talk([...wrong, '{"type":"step","data":{"message":7}}', '{"type":"state"}']);
  const codes = [
    'INVALID_JSON',
    'INVALID_JSON',
    'UNKNOWN_TYPE',
    'EXECUTION_ERROR',
    undefined,
    'EXECUTION_ERROR',
    undefined,
  ];
  expect(answers.map(({ data }) => data.code)).toEqual(codes);
  expect(answers.at(-1)).toMatchObject({ type: 'state', data: { step_count: 0 } });
});

it('lets no page of another site play', async () => {
  await expect(talk(['{"type":"reset"}'], 'https://elsewhere.example')).rejects.toThrow('403');
  await expect(talk(['{"type":"reset"}'], server.url)).resolves.toHaveLength(1);
});
