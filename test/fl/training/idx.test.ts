import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadFashionMnist } from '../../../src/fl/training/datasets.node.js';
import { decodeIdx } from '../../../src/fl/training/idx.js';

function encodeIdx(shape: readonly number[], values: readonly number[]): Uint8Array {
  const sides = shape.flatMap((side) => [side >>> 24, (side >>> 16) & 255, (side >>> 8) & 255, side & 255]);
  return Uint8Array.of(0, 0, 8, shape.length, ...sides, ...values);
}

describe('IDX files', () => {
  it('are read', () => {
    const sides = fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(sides, (shape) => {
        const values = Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i % 256);
        expect(decodeIdx(encodeIdx(shape, values))).toEqual({ shape, values: Uint8Array.from(values) });
      }),
    );
  });

  it('are refused if they are something else', () => {
    const good = encodeIdx([2, 2], [1, 2, 3, 4]);
    const refused: readonly [string, Uint8Array][] = [
      ['codec.malformed', new Uint8Array(0)],
      ['codec.malformed', good.subarray(0, -1)],
      ['codec.malformed', Uint8Array.of(...good, 5)],
      ['codec.malformed', encodeIdx([2 ** 32 - 1, 2 ** 32 - 1, 0xffff], [1])],
      ['idx.type', Uint8Array.of(1, ...good.subarray(1))],
      ['idx.type', Uint8Array.of(0, 0, 13, ...good.subarray(3))],
      ['idx.type', Uint8Array.of(0, 0, 8, 0)],
      ['idx.type', Uint8Array.of(0, 0, 8, 255, ...new Uint8Array(1100))],
    ];
    for (const [code, bytes] of refused)
      expect(() => decodeIdx(bytes), code).toThrow(expect.objectContaining({ name: 'PeerError', code }));
    expect(() => Reflect.apply(decodeIdx, undefined, ['x'])).toThrow(expect.objectContaining({ code: 'usage.bytes' }));
  });
});

describe('Fashion-MNIST', () => {
  it('is read from its four files', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'veilsum-idx-'));
    try {
      const images = encodeIdx([2, 3, 1], [1, 2, 3, 4, 5, 6]);
      await writeFile(join(folder, 't10k-images-idx3-ubyte.gz'), gzipSync(images));
      expect(await loadFashionMnist('test', folder)).toBeUndefined();
      await writeFile(join(folder, 't10k-labels-idx1-ubyte.gz'), gzipSync(encodeIdx([2], [7, 9])));
      const loaded = await loadFashionMnist('test', folder);
      expect(loaded).toEqual({
        features: Uint8Array.of(1, 2, 3, 4, 5, 6),
        labels: Uint8Array.of(7, 9),
        size: 3,
        shape: [3, 1, 1],
      });
      await writeFile(join(folder, 't10k-labels-idx1-ubyte.gz'), gzipSync(encodeIdx([3], [7, 9, 1])));
      await expect(loadFashionMnist('test', folder)).rejects.toMatchObject({ code: 'idx.shape' });
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('is missing where it is not installed', async () => {
    expect(await loadFashionMnist('train', '/nowhere')).toBeUndefined();
    await expect(Reflect.apply(loadFashionMnist, undefined, ['both'])).rejects.toMatchObject({ code: 'usage.choice' });
  });

  it('keeps training and test apart, in images of 28 x 28', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'veilsum-idx-'));
    try {
      const grey = (count: number) => Array.from({ length: count * 28 * 28 }, (_, i) => i % 251);
      for (const [name, count] of [
        ['train', 6],
        ['t10k', 1],
      ] as const) {
        const labels = Array.from({ length: count }, (_, i) => i);
        const images = encodeIdx([count, 28, 28], grey(count));
        await writeFile(join(folder, `${name}-images-idx3-ubyte.gz`), gzipSync(images));
        await writeFile(join(folder, `${name}-labels-idx1-ubyte.gz`), gzipSync(encodeIdx([count], labels)));
      }
      const [training, test] = [await loadFashionMnist('train', folder), await loadFashionMnist('test', folder)];
      expect([training?.labels.length, test?.labels.length]).toEqual([6, 1]);
      expect(training?.shape).toEqual([28, 28, 1]);
      expect(training?.features).toEqual(Uint8Array.from(grey(6)));
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  // The real files are 30 MB and not ours to ship: who has them names their folder.
  const real = process.env.VEILSUM_FASHION_MNIST;
  if (real !== undefined)
    it('has 60,000 and 10,000 images', async () => {
      const [training, test] = [await loadFashionMnist('train', real), await loadFashionMnist('test', real)];
      expect([training?.labels.length, test?.labels.length]).toEqual([60_000, 10_000]);
      expect(training?.shape).toEqual([28, 28, 1]);
    });
});
