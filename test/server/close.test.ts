import { describe, expect, it } from 'vitest';
import type { Phase } from '../../src/secagg/index.js';
import { barrier, range, startServer, takePart } from './fixtures.js';
import { RawClient } from './raw-client.js';

describe('closing the server', () => {
  it.each<Phase>(['advertise', 'share', 'input', 'confirm', 'unmask'])(
    'during %s tells clients so, and ends both loops',
    async (when) => {
      const server = await startServer({ task: { clients: { min: 5, max: 5 } } });
      let closing: Promise<void> | undefined;
      // A client that is still fetching the model has no round yet, and its loop just ends.
      const begun = barrier(5);
      const clients = range(5).map((i) =>
        takePart(server.url, {
          i,
          train: begun,
          onPhase: async (phase) => {
            if (i !== 0 || phase !== when) return;
            closing = server.close();
            await closing;
          },
        }),
      );
      expect(await server.rounds().next()).toEqual({ done: true, value: undefined });
      for (const { outcomes, error } of await Promise.all(clients)) {
        expect(error).toBeUndefined();
        expect(outcomes).toMatchObject([{ status: 'aborted', code: 'session.cancelled' }]);
      }
      expect(closing).toBeDefined();
      expect(server.close()).toBe(closing);
      await expect(fetch(`http://127.0.0.1:${server.port}/health`)).rejects.toThrow();
    },
  );

  it('before any client came, twice', async () => {
    const server = await startServer();
    const round = server.rounds().next();
    await Promise.all([server.close(), server.close()]);
    expect((await round).done).toBe(true);
    expect(await server.rounds().next()).toEqual({ done: true, value: undefined });
  });

  // Its limit is no gate on speed: a server that waited for the client's answer would wait for the 30 s that ws gives
  // it.
  it("does not wait for clients' answers", { timeout: 25_000 }, async () => {
    const server = await startServer();
    const client = await RawClient.connect(server.url);
    client.socket.pause();
    await server.close();
    client.socket.terminate();
  });

  it('leaving the loop between rounds leaves the rest for another', async () => {
    const server = await startServer({ task: { rounds: 2, clients: { min: 4, max: 4 } } });
    const clients = range(4).map((i) => takePart(server.url, { i }));
    for await (const { round } of server.rounds()) {
      expect(round).toBe(0);
      break;
    }
    const rest: number[] = [];
    for await (const { round } of server.rounds()) rest.push(round);
    expect(rest).toEqual([1]);
    await server.close();
    await Promise.all(clients);
  });
});
