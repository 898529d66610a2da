// Machines that come and go give the bytes of one process. Each worker is a process of its own; the server is a real one.

import { jetstream } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KEY_DOOR, TIC_TAC_TOE, trained, WorkerProcesses } from '../../testing/far-training.ts';
import { NATS_NEEDED, NATS_SERVER, NatsServer } from '../../testing/nats-server.ts';
import { taskSubject } from './names.ts';

describe.skipIf(!NATS_SERVER)(`workers over NATS (${NATS_NEEDED})`, () => {
  let server: NatsServer;
  let workers: WorkerProcesses;
  beforeAll(async () => {
    server = await NatsServer.start();
    workers = new WorkerProcesses(server.url);
  });
  afterAll(async () => {
    await workers?.end();
    await server?.stop();
  });
  const alone = { TIC_TAC_TOE: undefined as unknown, KEY_DOOR: undefined as unknown };
  const games = { TIC_TAC_TOE, KEY_DOOR };
  const byItself = async (game: keyof typeof games) => {
    alone[game] ??= trained(games[game]);
    return (await alone[game]) as Awaited<ReturnType<typeof trained>>;
  };

  it.each([
    ['TIC_TAC_TOE', 1],
    ['KEY_DOOR', 1],
    ['TIC_TAC_TOE', 2],
    ['KEY_DOOR', 2],
    ['TIC_TAC_TOE', 4],
    ['KEY_DOOR', 4],
  ] as const)('train %s with %i as one process does', async (game, count) => {
    await workers.have(count);
    const { curve, checksums, events } = await trained(games[game], { url: server.url });
    const expected = await byItself(game);
    expect(checksums).toEqual(expected.checksums);
    expect(new Set(checksums).size).toBe(games[game].steps);
    expect(curve).toEqual(expected.curve);
    expect(events.filter(({ type }) => type !== 'worker_started')).toEqual([]);
  });

  it('may be killed while they play and while they learn', async () => {
    await workers.have(3);
    const pids = workers.all.map(({ pid }) => pid!);
    const killed: number[] = [];
    const { checksums, events } = await trained(TIC_TAC_TOE, { url: server.url }, (phase, step) => {
      if ((phase === 'play' ? step === 1 : step === 2) && killed.length < 2)
        setTimeout(() => {
          const pid = pids[killed.length]!;
          killed.push(pid);
          process.kill(pid, 'SIGKILL');
        }, 60);
    });
    expect(killed).toHaveLength(2);
    expect(checksums).toEqual((await byItself('TIC_TAC_TOE')).checksums);
    for (const { type } of events) expect(['worker_started', 'worker_lost']).toContain(type);
  });

  it('may be frozen in the middle of a shard, and answer too late', async () => {
    await workers.have(2);
    const [frozen] = workers.all.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null);
    let isFrozen = false;
    const far = trained(KEY_DOOR, { url: server.url }, (phase, step, events) => {
      if (isFrozen || step < 2 || phase !== 'play') return;
      isFrozen = events.some((event) => event.type === 'worker_started' && event.pid === frozen!.pid);
      if (isFrozen) setTimeout(() => process.kill(frozen!.pid!, 'SIGSTOP'), 50);
    });
    const { checksums } = await far.finally(() => frozen && process.kill(frozen.pid!, 'SIGCONT'));
    expect(isFrozen).toBe(true);
    expect(checksums).toEqual((await byItself('KEY_DOOR')).checksums);
    // What it says now belongs to nothing: the next run does not hear of it.
    expect((await trained({ ...KEY_DOOR, steps: 1 }, { url: server.url })).checksums).toEqual(checksums.slice(0, 1));
  });

  it('wait for a server that is killed and started again', async () => {
    await workers.have(2);
    let restarts = 0;
    const { checksums, events } = await trained(TIC_TAC_TOE, { url: server.url }, (phase, step) => {
      if (step !== (phase === 'play' ? 2 : 3) || restarts === 2) return;
      restarts++;
      setTimeout(async () => {
        await server.kill();
        await server.begin();
      }, 40);
    });
    expect(restarts).toBe(2);
    expect(checksums).toEqual((await byItself('TIC_TAC_TOE')).checksums);
    expect(events).toContainEqual(expect.objectContaining({ message: expect.stringMatching(/server is back/) }));
  });

  it('refuse what is no message, and go on', async () => {
    await workers.have(2);
    const connection = await connect({ servers: server.url });
    const streams = jetstream(connection);
    let sent = 0;
    const { checksums, events } = await trained({ ...TIC_TAC_TOE, steps: 2 }, { url: server.url }, async () => {
      for (const bytes of [new Uint8Array([0xc1, 1, 2]), new Uint8Array(), new TextEncoder().encode('{"task": 1}')]) {
        await streams.publish(taskSubject('of-none'), bytes);
        sent++;
      }
    });
    await connection.close();
    expect(sent).toBeGreaterThan(0);
    expect(checksums).toEqual((await byItself('TIC_TAC_TOE')).checksums.slice(0, 2));
    expect(events.filter(({ type }) => type === 'worker_lost')).toEqual([]);
    for (const { exitCode } of workers.all.slice(-2)) expect(exitCode).toBe(null);
  });
});
