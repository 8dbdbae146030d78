import { describe, expect, it } from 'vitest';
import { compressionFrom, packMask, pruningMaskOf } from '../../../src/fl/compression/index.js';
import { contextFor, dimension, heavyTailed, mask } from './support.js';

describe('pruning masks', () => {
  it('have the greatest weights, those of lower index first where they are equal', () => {
    expect([...pruningMaskOf({ kind: 'pruning-mask', fraction: 0.5 }, Float32Array.of(1, -3, 1, 1, 0, 0))]).toEqual([
      0b111,
    ]);
    expect(() => pruningMaskOf({ kind: 'pruning-mask', fraction: 0.5 }, Float32Array.of(Number.NaN))).toThrow(
      expect.objectContaining({ code: 'usage.finite' }),
    );
  });

  it('may come from flags, such as those of pruned training', () => {
    expect([...packMask(Uint8Array.of(1, 0, 1, 0, 0, 0, 0, 0, 1))]).toEqual([0b101, 1]);
    expect(packMask(new Uint8Array(0))).toHaveLength(0);
    expect(() => packMask([1] as unknown as Uint8Array)).toThrow(expect.objectContaining({ code: 'usage.bytes' }));
  });

  it('send only what they have', () => {
    const compression = compressionFrom([{ kind: 'pruning-mask', fraction: 0.5 }], dimension);
    const context = contextFor(compression, 1);
    const update = heavyTailed(dimension, 1);
    const got = compression.server(Float64Array.from(compression.client(update, context)), context);
    const bit = (i: number): boolean => (((mask[i >> 3] ?? 0) >> (i & 7)) & 1) === 1;
    expect([...got]).toEqual([...update].map((value, i) => (bit(i) ? value : 0)));
  });
});
