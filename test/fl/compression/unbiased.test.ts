import { describe, expect, it } from 'vitest';
import { type Compression, type CompressionInput, compressionFrom } from '../../../src/fl/compression/index.js';
import { contextFor, dimension, heavyTailed, roundingFrom } from './support.js';

describe('claims to be unbiased', () => {
  const update = heavyTailed(dimension, 11).map((value) => Math.max(-1.9, Math.min(1.9, value + 0.3)));

  /**
   * Whether the mean over `rounds` of what the server gets is the update, to five standard errors in each coordinate. A
   * standard error that is 0 allows for float rounding only.
   */
  function looksUnbiased(compression: Compression, rounds: number, rounding = roundingFrom(77)): boolean {
    const sum = new Float64Array(dimension);
    const squares = new Float64Array(dimension);
    for (let round = 0; round < rounds; round += 1) {
      const context = { ...contextFor(compression, round), rounding };
      const got = compression.server(Float64Array.from(compression.client(update, context)), context);
      got.forEach((value, i) => {
        sum[i] = (sum[i] ?? 0) + value;
        squares[i] = (squares[i] ?? 0) + value * value;
      });
    }
    return update.every((value, i) => {
      const mean = (sum[i] ?? 0) / rounds;
      const variance = Math.max(0, (squares[i] ?? 0) / rounds - mean * mean);
      return Math.abs(mean - value) <= 5 * Math.sqrt(variance / rounds) + 1e-6;
    });
  }

  const claimants: readonly (readonly CompressionInput[])[] = [
    [{ kind: 'random-k', fraction: 0.25 }],
    [{ kind: 'quantize', bits: 4, range: 2 }],
    [{ kind: 'rotate' }],
    [{ kind: 'layer-scales', layers: [4, 20] }],
    [{ kind: 'random-k', fraction: 0.5 }, { kind: 'rotate' }, { kind: 'quantize', bits: 6, range: 8 }],
  ];

  it('hold over seeds and rounding', () => {
    for (const list of claimants) {
      const compression = compressionFrom(list, dimension);
      expect(compression.unbiased).toBe(true);
      expect(looksUnbiased(compression, 2000)).toBe(true);
    }
  });

  it('hold for a row of a count sketch, over its hashes', () => {
    const compression = compressionFrom([{ kind: 'count-sketch', rows: 1, columns: 8, top: dimension }], dimension);
    expect(looksUnbiased(compression, 4000)).toBe(true);
  });

  it('would fail for those that make none, and for rounding to the nearest', () => {
    const biased: readonly (readonly CompressionInput[])[] = [
      [{ kind: 'random-k', fraction: 0.25, scaling: 'keep' }],
      [{ kind: 'sign-vote' }],
      [{ kind: 'top-k', fraction: 0.1 }],
      [{ kind: 'pruning-mask', fraction: 0.5 }],
      [{ kind: 'count-sketch', rows: 3, columns: 8, top: 3 }],
    ];
    for (const list of biased) {
      const compression = compressionFrom(list, dimension);
      expect(compression.unbiased).toBe(false);
      expect(looksUnbiased(compression, 2000)).toBe(false);
    }
    const nearest = (words: number): Uint32Array => new Uint32Array(words).fill(2 ** 31);
    const compression = compressionFrom([{ kind: 'quantize', bits: 4, range: 2 }], dimension);
    expect(looksUnbiased(compression, 2000, nearest)).toBe(false);
  });
});
