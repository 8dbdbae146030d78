/** Clients that can't take part at any time. */
import { expect, it } from 'vitest';
import { join } from '../../src/client/index.js';
import { allRounds, authority, newIdentity, range, startServer, takePart } from '../server/fixtures.js';

it('a client that isn’t ready isn’t reckoned with, and learns when the server goes', async () => {
  const server = await startServer({ gather: 1000, task: { rounds: 2 } });
  let asked = 0;
  const later = takePart(server.url, {
    i: 4,
    ready: async () => {
      asked += 1;
      if (asked === 2) await new Promise(() => undefined);
    },
  });
  const parts = range(4).map((i) => takePart(server.url, { i }));
  const results = await allRounds(server);
  expect(results.map(({ cohorts }) => cohorts[0]?.survivors)).toEqual([5, 4]);
  expect(await later).toMatchObject({ outcomes: [{ status: 'summed', survivors: 5 }] });
  expect((await later).error).toBeUndefined();
  await Promise.all(parts);
});

it('what `ready` throws ends the iteration', async () => {
  const server = await startServer();
  const fault = new Error('no wifi');
  const taken = await takePart(server.url, { i: 0, ready: () => Promise.reject(fault) });
  expect(taken).toEqual({ outcomes: [], error: fault });
  await server.close();
});

it('refuses a `ready` that is no function', async () => {
  const options = {
    identity: await newIdentity(),
    authority: authority.publicKey,
    ready: true as unknown as () => Promise<void>,
  };
  expect(() => join('ws://localhost', options)).toThrow(expect.objectContaining({ code: 'usage.type' }));
});
