import { describe, expect, it, vi } from 'vitest';
import type { Connection } from '../../src/server/connection.js';
import { UploadQueue } from '../../src/server/uploads.js';
import { allRounds, planOf, range, startServer, takePart } from './fixtures.js';
import { RawClient } from './raw-client.js';

/** The queue only compares connections. */
const connection = (id: string): Connection => ({ id }) as Connection;

describe('UploadQueue', () => {
  it('wakes those who wait one by one, in order', async () => {
    const queue = new UploadQueue(1000, 60_000);
    const [uploading, first, second] = ['a', 'b', 'c'].map(connection) as [Connection, Connection, Connection];
    const woken: string[] = [];
    const waits = [first, second].map((waiting) => queue.room(waiting).then(() => woken.push(waiting.id)));
    queue.progress(uploading, 10, 0);
    queue.end(uploading);
    await waits[0];
    expect(woken).toEqual(['b']);
    queue.end(first);
    await waits[1];
    expect(woken).toEqual(['b', 'c']);
  });

  it('wakes a client that stops waiting, and everybody when uploads are over', async () => {
    const queue = new UploadQueue(1000, 60_000);
    const [a, b, c] = ['a', 'b', 'c'].map(connection) as [Connection, Connection, Connection];
    const waits = [a, b, c].map((waiting) => queue.room(waiting));
    queue.end(b);
    await waits[1];
    queue.clear();
    await Promise.all(waits);
    expect(queue.stalled(1e9)).toEqual([]);
  });

  it('an upload has stalled if it did not bring 64 KiB in time', () => {
    const queue = new UploadQueue(1000, 60_000);
    const [steady, slow] = ['a', 'b'].map(connection) as [Connection, Connection];
    for (let time = 0; time <= 4000; time += 500) {
      queue.progress(steady, 65_536, time);
      queue.progress(slow, 1000, time);
    }
    expect(queue.stalled(1000)).toEqual([]);
    expect(queue.stalled(4000)).toEqual([slow]);
    queue.end(slow);
    expect(queue.stalled(4000)).toEqual([]);
  });
});

describe('an upload that takes more than its share of the phase', () => {
  const [trickling, waiting] = ['a', 'b'].map(connection) as [Connection, Connection];
  const trickle = (): UploadQueue => {
    const queue = new UploadQueue(1000, 6000);
    for (let time = 0; time <= 4000; time += 500) queue.progress(trickling, 65_536, time);
    return queue;
  };

  it('is given up while others wait', () => {
    const queue = trickle();
    void queue.room(waiting);
    // Two for one place: each has half of the time.
    expect(queue.stalled(3000)).toEqual([]);
    expect(queue.stalled(4000)).toEqual([trickling]);
  });

  it('control: may take its time where nobody waits', () => {
    expect(trickle().stalled(4000)).toEqual([]);
  });
});

const dimension = 100_000;
const large = { plan: planOf({ vector: { dimension } }), model: new Float32Array(dimension) };
const ones = new Float32Array(dimension).fill(0.5);

describe('uploads', () => {
  it('one at a time, with room for no more', async () => {
    const waited = vi.spyOn(UploadQueue.prototype, 'room');
    const server = await startServer({ uploadBudget: 0, task: { ...large, clients: { min: 8, max: 8 } } });
    const clients = range(8).map((i) => takePart(server.url, { i, update: ones, weight: 1 }));
    const [result] = await allRounds(server);
    expect(waited).toHaveBeenCalled();
    waited.mockRestore();
    expect(result?.cohorts).toMatchObject([{ survivors: 8 }]);
    expect(result?.model.every((value) => value === 0.5)).toBe(true);
    for (const { outcomes } of await Promise.all(clients))
      expect(outcomes).toEqual([{ status: 'summed', survivors: 8 }]);
  });

  it('one that stalls is given up, and those who wait come in', async () => {
    const server = await startServer({
      uploadBudget: 0,
      uploadStall: 300,
      task: { ...large, clients: { min: 5, max: 6 } },
    });
    const stalling = RawClient.connect(server.url).then(async (client) => {
      const session = await client.begin();
      await client.reach(session, 'ready');
      const [first] = await client.upload(session);
      client.send(first ?? '');
      expect(await client.abortCode(session)).toBe('input.stalled');
      expect((await client.closed).reason).toMatch(/^input\.stalled/);
    });
    const clients = range(5).map((i) =>
      takePart(server.url, {
        i,
        update: ones,
        weight: 1,
        onPhase: async (phase) => {
          // The one that stalls is first.
          if (phase === 'input') await new Promise((resolve) => setTimeout(resolve, 100));
        },
      }),
    );
    const [result] = await allRounds(server);
    await Promise.all([stalling, ...clients]);
    expect(result?.cohorts).toMatchObject([{ survivors: 5, dropouts: { input: 1 } }]);
    expect(result?.model.every((value) => value === 0.5)).toBe(true);
  });

  it('one that vanishes in the middle leaves no trace and its room to others', async () => {
    const server = await startServer({ uploadBudget: 0, task: { ...large, clients: { min: 5, max: 6 } } });
    const vanishing = RawClient.connect(server.url).then(async (client) => {
      const session = await client.begin();
      await client.reach(session, 'ready');
      const [first] = await client.upload(session);
      client.send(first ?? '');
      setTimeout(() => client.socket.terminate(), 200);
      await client.closed;
    });
    const clients = range(5).map((i) => takePart(server.url, { i, update: ones, weight: 1 }));
    const [result] = await allRounds(server);
    await Promise.all([vanishing, ...clients]);
    expect(result?.cohorts).toMatchObject([{ survivors: 5, dropouts: { input: 1 } }]);
    expect(result?.model.every((value) => value === 0.5)).toBe(true);
  });

  it('those still waiting at the deadline are told, and may come to the next round', async () => {
    const server = await startServer({
      uploadBudget: 0,
      deadlines: { input: 700 },
      task: { ...large, clients: { min: 5, max: 6 }, rounds: 2, minSurvivors: 5 },
      retries: 0,
    });
    const blocking = RawClient.connect(server.url).then(async (client) => {
      const session = await client.begin();
      await client.reach(session, 'ready');
      const [first] = await client.upload(session);
      client.send(first ?? '');
      expect(await client.abortCode(session)).toBe('input.few');
      client.socket.terminate();
    });
    const clients = range(5).map((i) =>
      takePart(server.url, {
        i,
        update: ones,
        weight: 1,
        onPhase: async (phase) => {
          if (phase === 'input') await new Promise((resolve) => setTimeout(resolve, 100));
        },
      }),
    );
    await expect(server.rounds().next()).rejects.toMatchObject({ code: 'round.failed', message: /input\.few/ });
    await blocking;
    const results = await allRounds(server);
    expect(results.map(({ cohorts }) => cohorts[0]?.survivors)).toEqual([5, 5]);
    for (const { outcomes } of await Promise.all(clients))
      expect(outcomes.map((outcome) => ('code' in outcome ? outcome.code : outcome.status))).toEqual([
        'input.few',
        'summed',
        'summed',
      ]);
  });

  it('a client that holds the only place just above the stall limit is named, and the others come in', async () => {
    const log: string[] = [];
    const server = await startServer({
      uploadBudget: 0,
      uploadStall: 1000,
      deadlines: { input: 18_000 },
      retries: 0,
      log: ({ message }) => log.push(message),
      task: { ...large, clients: { min: 6, max: 6 } },
    });
    const attacker = RawClient.connect(server.url).then(async (client) => {
      const session = await client.begin();
      await client.reach(session, 'ready');
      for (const message of await client.upload(session)) {
        client.send(message);
        await Promise.race([client.closed, new Promise((resolve) => setTimeout(resolve, 900))]);
      }
      return (await client.closed).reason;
    });
    const onPhase = async (phase: string): Promise<void> => {
      if (phase === 'input') await new Promise((resolve) => setTimeout(resolve, 300));
    };
    const clients = range(5).map((i) => takePart(server.url, { i, update: ones, weight: 1, onPhase }));
    const [result] = await allRounds(server);
    expect(result?.cohorts).toMatchObject([{ roster: 6, survivors: 5 }]);
    expect(await attacker).toMatch(/^input\.stalled/);
    expect(log.join()).toMatch(/input\.stalled/);
    await Promise.all(clients);
  });
});
