import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Server } from '../../src/server/index.js';
import { ModelStore } from '../../src/server/models.js';
import { dimension, startServer } from './fixtures.js';

describe('the HTTP side', () => {
  const model = Float32Array.from({ length: dimension }, (_, i) => i / 7);
  const name = createHash('sha256').update(new Uint8Array(model.buffer)).digest('hex');
  let server: Server;
  let base: string;

  beforeAll(async () => {
    server = await startServer({ task: { model } });
    void server.rounds().next();
    base = `http://127.0.0.1:${server.port}`;
  });
  afterAll(() => server.close());

  it.each(['/models/', '/behind/a/proxy/models/'])('gives a model by its hash, under %s', async (path) => {
    const response = await fetch(`${base}${path}${name}`);
    expect(response.status).toBe(200);
    expect(new Float32Array(await response.arrayBuffer())).toEqual(model);
    expect(response.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    expect(response.headers.get('access-control-allow-origin')).toBe('*');
  });

  it('answers HEAD without a body', async () => {
    const response = await fetch(`${base}/models/${name}`, { method: 'HEAD' });
    expect(response.headers.get('content-length')).toBe(String(4 * dimension));
    expect(await response.text()).toBe('');
  });

  it.each(['/', '/models/', `/models/${'0'.repeat(64)}`, `/models/${name}x`, `/models/../${name}`, '/%00', '//'])(
    'has nothing at %s',
    async (path) => {
      const response = await fetch(base + path);
      expect(response.status).toBe(404);
      expect(response.headers.get('cache-control')).toBe('no-store');
    },
  );

  it.each(['POST', 'PUT', 'DELETE', 'OPTIONS'])('refuses %s', async (method) => {
    expect((await fetch(`${base}/models/${name}`, { method })).status).toBe(405);
  });

  it('is healthy', async () => {
    expect(await (await fetch(`${base}/health`)).text()).toBe('ok\n');
  });
});

describe('ModelStore', () => {
  it('keeps the present model and the one before, by content', () => {
    const store = new ModelStore();
    const model = new Float32Array([1, 2]);
    const first = store.publish(model);
    expect(store.publish(model)).toEqual(first);
    model[0] = 5;
    expect(new Float32Array(store.find(first.reference.slice(7))?.slice().buffer ?? [])).toEqual(
      new Float32Array([1, 2]),
    );
    const second = store.publish(model);
    store.publish(new Float32Array([3]));
    expect(store.find(first.reference.slice(7))).toBeUndefined();
    expect(store.find(second.reference.slice(7))).toBeDefined();
    expect(store.find('__proto__')).toBeUndefined();
  });
});
