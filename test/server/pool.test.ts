import { existsSync, readdirSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { defaultProvider } from '#provider';
import { nobleProvider } from '../../src/crypto/provider/noble.js';
import { type MaskRemoval, removeMasks } from '../../src/secagg/mask-removal.js';
import { MaskPool } from '../../src/server/pool.js';

/** Enough values that threads are worth while: see the pool's least cost. */
const manyValues = 1_200_000;

/** Worker threads run what is built: the sources are TypeScript. */
const built = new URL('../../dist/server/pool.js', import.meta.url);

const bytes = (length: number, value: number): Uint8Array => new Uint8Array(length).fill(value);

async function removal(changes: Partial<MaskRemoval> = {}): Promise<MaskRemoval> {
  const maskKey = await nobleProvider.agreementPublicKey(bytes(32, 77));
  return {
    suite: 1,
    contextHash: bytes(32, 1),
    frozenHash: bytes(32, 2),
    ringBits: 20,
    vectorLength: 3000,
    selfMasks: [1, 2, 3, 5].map((index) => ({ index, seed: bytes(32, index) })),
    dropouts: [0, 4].map((index) => ({
      index,
      seed: bytes(32, 100 + index),
      neighbors: [1, 2, 3].map((neighbor) => ({ index: neighbor, maskKey })),
    })),
    ...changes,
  };
}

it.each([0, 1.5, 1025, '2', undefined])('refuses %s threads', (threads) => {
  expect(() => new MaskPool(threads as number)).toThrow(expect.objectContaining({ code: 'usage.range' }));
});

it('with one thread works here', async () => {
  const pool = new MaskPool(1);
  expect(await pool.removeMasks(await removal())).toEqual(await removeMasks(await removal(), nobleProvider));
  await pool.close();
  await pool.close();
});

describe('on worker threads', () => {
  const pools: MaskPool[] = [];
  afterEach(async () => {
    for (const pool of pools.splice(0)) await pool.close();
  });

  async function builtPool(threads: number): Promise<MaskPool> {
    expect(existsSync(built), 'run `npm run build` first').toBe(true);
    const module = (await import(built.href)) as { readonly MaskPool: typeof MaskPool };
    const pool = new module.MaskPool(threads);
    pools.push(pool);
    return pool;
  }

  it.each([2, 5, 16])('%i threads compute the same as one', async (threads) => {
    const pool = await builtPool(threads);
    const large = await removal({ vectorLength: manyValues });
    const expected = Buffer.from((await removeMasks(large, defaultProvider)).buffer);
    // Twice, the second time with the threads that are there.
    for (let i = 0; i < 2; i += 1)
      expect(Buffer.from((await pool.removeMasks(large)).buffer).equals(expected)).toBe(true);
  });

  it('leaves the seeds to their owner', async () => {
    const pool = await builtPool(2);
    const given = await removal({ vectorLength: manyValues });
    await pool.removeMasks(given);
    expect(given).toEqual(await removal({ vectorLength: manyValues }));
  });

  it('nothing to remove is nothing', async () => {
    const pool = await builtPool(2);
    const lanes = await pool.removeMasks(await removal({ selfMasks: [], dropouts: [] }));
    expect(lanes).toEqual(new Uint32Array(3000));
  });

  it('a fault is passed on, and the pool goes on', async () => {
    const pool = await builtPool(2);
    const lowOrder = { index: 0, seed: bytes(32, 1), neighbors: [{ index: 1, maskKey: bytes(32, 0) }] };
    const size = { vectorLength: manyValues };
    await expect(pool.removeMasks(await removal({ ...size, dropouts: [lowOrder] }))).rejects.toThrow(/low order/);
    expect(await pool.removeMasks(await removal(size))).toHaveLength(manyValues);
  });

  it('what threads that fail to start leave is done here', async () => {
    // The sources have no mask-worker.js, so threads that are started from here fail.
    const expecting = new MaskPool(2);
    const removing = new MaskPool(2);
    pools.push(expecting, removing);
    await expecting.expect(1000, { ringBits: 20, vectorLength: manyValues });
    for (const pool of [expecting, removing])
      expect(await pool.removeMasks(await removal({ vectorLength: manyValues }))).toHaveLength(manyValues);
  });

  it.skipIf(!existsSync('/proc/self/task'))('little is removed without a thread, and starts none', async () => {
    const pool = await builtPool(8);
    const threads = () => readdirSync('/proc/self/task').length;
    const before = threads();
    await pool.expect(10, { ringBits: 20, vectorLength: 3000 });
    expect(await pool.removeMasks(await removal())).toEqual(await removeMasks(await removal(), nobleProvider));
    // The threads of Node's own pool may have come, which are 4.
    expect(threads()).toBeLessThanOrEqual(before + 4);
    await pool.expect(1000, { ringBits: 20, vectorLength: manyValues });
    expect(threads()).toBeGreaterThanOrEqual(before + 8);
  });

  it('what is expected starts threads, which the removal finds', async () => {
    const pool = await builtPool(3);
    for (let i = 0; i < 2; i += 1) await pool.expect(1000, { ringBits: 20, vectorLength: manyValues });
    expect(await pool.removeMasks(await removal({ vectorLength: manyValues }))).toHaveLength(manyValues);
  });

  it('closing rejects what is under way', async () => {
    const pool = await builtPool(2);
    const running = pool.removeMasks(await removal({ vectorLength: 5_000_000 }));
    const rejected = expect(running).rejects.toThrow();
    await pool.close();
    await rejected;
  });
});
