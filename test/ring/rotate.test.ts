import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rotate, rotatedLength, unrotate } from '../../src/ring/rotate.js';

const seed = new Uint8Array(32).fill(7);
const norm = (values: ArrayLike<number>): number => Math.hypot(...Array.from(values));

describe('the randomized Hadamard rotation', () => {
  it('pads to a power of two', () => {
    expect([0, 1, 2, 3, 4, 5, 1000, 2 ** 28].map(rotatedLength)).toEqual([1, 1, 2, 4, 4, 8, 1024, 2 ** 28]);
  });

  it('keeps norms and is undone by its inverse', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { maxLength: 70 }), (list) => {
        const values = Float64Array.from(list);
        const rotated = rotate(values, seed);
        expect(rotated).toHaveLength(rotatedLength(values.length));
        expect(norm(rotated)).toBeCloseTo(norm(values), 6);
        const back = unrotate(rotated, seed, values.length);
        values.forEach((value, i) => {
          expect(Math.abs((back[i] ?? 0) - value)).toBeLessThan(1e-8 * (1 + norm(values)));
        });
      }),
    );
  });

  it('is linear, so that a sum is rotated back once', () => {
    const [a, b] = [Float64Array.from([1, 2, 3]), Float64Array.from([-4, 0.5, 9])];
    const sum = rotate(a, seed).map((value, i) => value + (rotate(b, seed)[i] ?? 0));
    expect([...unrotate(sum, seed, 3)].map((value) => Number(value.toFixed(12)))).toEqual([-3, 2.5, 12]);
  });

  it('spreads a spike evenly', () => {
    const spike = new Float32Array(1024);
    spike[300] = 32;
    expect(rotate(spike, seed).every((value) => Math.abs(value) === 1)).toBe(true);
  });

  it('depends on every bit of the seed', () => {
    const values = Float64Array.from({ length: 64 }, (_, i) => i);
    const other = seed.slice();
    other[31] = 6;
    expect(rotate(values, seed)).not.toEqual(rotate(values, other));
  });

  it.each([
    ['an array', () => rotate([1] as unknown as Float64Array, seed), 'usage.floats'],
    ['integers', () => rotate(new Int32Array(2) as unknown as Float64Array, seed), 'usage.floats'],
    ['a short seed', () => rotate(new Float64Array(2), seed.subarray(1)), 'usage.bytes'],
    ['no seed', () => rotate(new Float64Array(2), undefined as unknown as Uint8Array), 'usage.bytes'],
    ['floats to rotate back', () => unrotate(new Float32Array(2) as unknown as Float64Array, seed, 2), 'usage.floats'],
    ['another length', () => unrotate(new Float64Array(4), seed, 2), 'usage.vector'],
    ['a huge length', () => rotatedLength(2 ** 28 + 1), 'usage.range'],
    ['a negative length', () => rotatedLength(-1), 'usage.range'],
  ])('refuses %s', (_, call, code) => {
    expect(call).toThrow(expect.objectContaining({ code }));
  });
});
