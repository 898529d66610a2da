// The server that the tracker is tested against is as strict as the true one: clients that are wrong in one thing fail.

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ENTITY, WANDB_KEY, WandbServer } from '../../testing/wandb-server.ts';

let server: WandbServer;
beforeAll(async () => {
  server = await WandbServer.start();
});
afterAll(() => server.goAway());
afterEach(() => {
  server.runs.clear();
  server.complaints.length = 0;
});

const post = (path: string, body: object) =>
  fetch(`${server.baseUrl}${path}`, {
    method: 'POST',
    headers: {
      authorization: `Basic ${btoa(`api:${WANDB_KEY}`)}`,
      'content-type': 'application/json',
    },
    body: JSON.stringify(body),
  });

const MUTATION = `mutation Upsert($name: String!, $project: String, $entity: String, $config: JSONString) {
  upsertBucket(input: { name: $name, modelName: $project, entityName: $entity, config: $config }) {
    bucket { id name historyLineCount project { name entity { name } } } inserted
  }
}`;
const VARIABLES = { name: 'abcd1234', project: 'games', entity: ENTITY, config: '{"rate":{"value":1}}' };
const upsert = (query = MUTATION, variables: object = VARIABLES) => post('/graphql', { query, variables });
const stream = (body: object) => post(`/files/${ENTITY}/games/abcd1234/file_stream`, body);
const line = (step: number) => JSON.stringify({ _step: step, _runtime: step, _timestamp: step });
const history = (offset: number, steps: readonly number[]) => ({
  files: { 'wandb-history.jsonl': { offset, content: steps.map(line) } },
});

it('takes a right client', async () => {
  expect((await upsert()).status).toBe(200);
  expect((await stream(history(0, [1, 2]))).status).toBe(200);
  expect((await stream({ complete: true, exitcode: 0 })).status).toBe(200);
  expect(server.complaints).toEqual([]);
  expect(server.run).toMatchObject({ exits: [0], config: { rate: { value: 1 } } });
});

describe('a client fails', () => {
  const wrong: Record<string, () => Promise<Response>> = {
    'that asks for a field that is not there': () => upsert(MUTATION.replace('historyLineCount', 'lineCount')),
    'that gives a variable another type': () => upsert(MUTATION.replace('$config: JSONString', '$config: Int')),
    'that calls an argument by another name': () => upsert(MUTATION.replace('entityName:', 'entity:')),
    'that leaves the entity out': () => upsert(MUTATION, { ...VARIABLES, entity: null }),
    'whose braces do not close': () => upsert(MUTATION.slice(0, -1)),
    'that sends the config as an object': () => upsert(MUTATION, { ...VARIABLES, config: { rate: 1 } }),
    'that declares no variable it uses': () => upsert(MUTATION.replace('$project: String, ', '')),
  };
  for (const [name, ask] of Object.entries(wrong)) {
    it(name, async () => {
      expect((await ask()).status).toBe(400);
      expect(server.complaints).toHaveLength(1);
      expect(server.runs.size).toBe(0);
    });
  }

  it('that goes on after its run is complete, without opening it again', async () => {
    await upsert();
    await stream({ complete: true, exitcode: 0 });
    expect((await stream(history(0, [1]))).status).toBe(400);
    await upsert();
    expect((await stream(history(0, [1]))).status).toBe(200);
  });

  it('that leaves a gap in its history', async () => {
    await upsert();
    expect((await stream(history(1, [1]))).status).toBe(400);
  });

  it('that opens a run which was deleted', async () => {
    await upsert();
    server.store.delete(`${ENTITY}/games/abcd1234`);
    const answer = await upsert();
    expect(answer.status).toBe(409);
    expect(await answer.text()).toMatch(/was previously created and deleted/);
  });
});
