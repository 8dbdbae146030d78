import { existsSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { nobleProvider } from '../../src/crypto/provider/noble.js';
import { type MaskRemoval, removeMasks } from '../../src/secagg/mask-removal.js';
import { MaskPool } from '../../src/server/pool.js';

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
    const expected = await removeMasks(await removal(), nobleProvider);
    expect(await pool.removeMasks(await removal())).toEqual(expected);
    // Again, with the threads that are there.
    expect(await pool.removeMasks(await removal())).toEqual(expected);
  });

  it('leaves the seeds to their owner', async () => {
    const pool = await builtPool(2);
    const given = await removal();
    await pool.removeMasks(given);
    expect(given).toEqual(await removal());
  });

  it('nothing to remove is nothing', async () => {
    const pool = await builtPool(2);
    const lanes = await pool.removeMasks(await removal({ selfMasks: [], dropouts: [] }));
    expect(lanes).toEqual(new Uint32Array(3000));
  });

  it('a fault is passed on, and the pool goes on', async () => {
    const pool = await builtPool(2);
    const lowOrder = { index: 0, seed: bytes(32, 1), neighbors: [{ index: 1, maskKey: bytes(32, 0) }] };
    await expect(pool.removeMasks(await removal({ dropouts: [lowOrder] }))).rejects.toThrow(/low order/);
    expect(await pool.removeMasks(await removal())).toHaveLength(3000);
  });

  it('closing rejects what is under way', async () => {
    const pool = await builtPool(2);
    const running = pool.removeMasks(await removal({ vectorLength: 5_000_000 }));
    const rejected = expect(running).rejects.toThrow();
    await pool.close();
    await rejected;
  });
});
