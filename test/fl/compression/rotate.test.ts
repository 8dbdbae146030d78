import { describe, expect, it } from 'vitest';
import { compressionFrom } from '../../../src/fl/compression/index.js';
import { contextOf, heavyTailed } from './support.js';

describe('the rotation', () => {
  const norm = (values: ArrayLike<number>): number => Math.hypot(...Array.from(values));

  it('is linear, keeps norms and is undone, padded or not, at every length', () => {
    for (const pad of [false, true])
      for (let length = 1; length <= 40; length += 1) {
        const compression = compressionFrom([{ kind: 'rotate', pad }], length);
        const context = contextOf(length);
        const [a, b] = [heavyTailed(length, 1), heavyTailed(length, 2)];
        const [first, second, both] = [a, b, a.map((value, i) => value + (b[i] ?? 0))].map((values) =>
          Float64Array.from(compression.client(values, context)),
        );
        if (first === undefined || second === undefined || both === undefined) throw new Error('three were made');
        expect(norm(first)).toBeCloseTo(norm(a), 5);
        both.forEach((value, i) => {
          expect(value).toBeCloseTo((first[i] ?? 0) + (second[i] ?? 0), 5);
        });
        compression.server(first, context).forEach((value, i) => {
          expect(value).toBeCloseTo(a[i] ?? Number.NaN, 5);
        });
      }
  });

  it('spreads a spike, wherever it is, so that no value has more than |x|^2 / p on average', () => {
    const length = 90;
    const compression = compressionFrom([{ kind: 'rotate' }], length);
    for (const at of [0, 25, 26, 63, 64, 89]) {
      const spike = new Float32Array(length);
      spike[at] = 1;
      const energy = new Float64Array(length);
      const seeds = 400;
      for (let seed = 0; seed < seeds; seed += 1)
        compression.client(spike, contextOf(seed)).forEach((value, i) => {
          energy[i] = (energy[i] ?? 0) + value * value;
        });
      // 1/64 but for chance; unrotated, one value would have all.
      for (const total of energy) expect(total / seeds).toBeLessThan(1.6 / 64);
    }
  });
});
