import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { ModelCache } from '../../src/client/model-cache.js';
import { nobleProvider } from '../../src/crypto/provider/noble.js';

const bytes = new Uint8Array(Float32Array.of(1, 2, 3).buffer);
const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

/** A server that does to its requests what `answers` say, in order; the others get the model. */
async function modelServer(
  ...answers: readonly ((response: ServerResponse) => void)[]
): Promise<{ readonly url: URL; readonly asked: () => number }> {
  let asked = 0;
  const server = createServer((_, response) => {
    const answer = answers[asked] ?? ((to: ServerResponse): unknown => to.end(bytes));
    asked += 1;
    answer(response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => server.close());
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  return { url: new URL(`http://127.0.0.1:${address.port}/models/m`), asked: () => asked };
}

const hangUp = (response: ServerResponse): unknown => response.socket?.destroy();
const hash = nobleProvider.sha256(bytes);

describe('ModelCache', () => {
  it('asks once more where the connection turns out to be closed', async () => {
    const { url, asked } = await modelServer(hangUp);
    const model = await new ModelCache(nobleProvider).get({ url, hash, length: 3 }, undefined);
    expect([...model]).toEqual([1, 2, 3]);
    expect(asked()).toBe(2);
  });

  it('gives up after that', async () => {
    const { url, asked } = await modelServer(hangUp, hangUp);
    const got = new ModelCache(nobleProvider).get({ url, hash, length: 3 }, undefined);
    await expect(got).rejects.toMatchObject({ code: 'model.unavailable' });
    expect(asked()).toBe(2);
  });

  it('does not ask again once it is told to stop', async () => {
    const stop = new AbortController();
    const { url, asked } = await modelServer(() => stop.abort(new Error('enough')));
    const got = new ModelCache(nobleProvider).get({ url, hash, length: 3 }, stop.signal);
    await expect(got).rejects.toThrow('enough');
    expect(asked()).toBe(1);
  });
});
