import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { toHex } from '../../src/core/bytes.js';
import { UsageError } from '../../src/core/errors.js';
import { numbersFrom, seededRandom } from '../../src/simulation/random.js';

describe('seededRandom', () => {
  test('gives the same stream for the same seed and purpose, however it is drawn', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 9000 }), { maxLength: 12 }), (lengths) => {
        const total = lengths.reduce((sum, length) => sum + length, 0);
        const inParts = seededRandom('seed', 'test');
        const drawn = lengths.map((length) => toHex(inParts(length))).join('');
        expect(drawn).toBe(toHex(seededRandom('seed', 'test')(total)));
      }),
      { seed: 1, numRuns: 50 },
    );
  });

  test('differs by purpose, by seed and by the kind of the seed', () => {
    const seeds = [1, 2, '1', '2', Uint8Array.of(1), new Uint8Array()];
    const streams = seeds.flatMap((seed) => ['a', 'b'].map((purpose) => toHex(seededRandom(seed, purpose)(32))));
    expect(new Set(streams).size).toBe(streams.length);
  });

  test('is pinned, so that reports can be compared between releases', () => {
    expect(toHex(seededRandom(7, 'client 0')(16))).toMatchInlineSnapshot(`"a7dae94966883aa1e52dc6287c7bd63c"`);
  });

  test('refuses other seeds and lengths', () => {
    // @ts-expect-error not one of the kinds
    expect(() => seededRandom(null, 'a')).toThrow(UsageError);
    expect(() => seededRandom(0.5, 'a')).toThrow(/safe integer/);
    expect(() => seededRandom(1, 'a')(-1)).toThrow(/length/);
    expect(() => seededRandom(1, 'a')(2 ** 40)).toThrow(/length/);
  });
});

describe('numbersFrom', () => {
  const numbers = () => numbersFrom(seededRandom('numbers', 'test'));

  test('below is in range and takes every value about as often', () => {
    const { below } = numbers();
    const counts = new Array<number>(7).fill(0);
    for (let i = 0; i < 7000; i += 1) {
      const value = below(7);
      counts[value] = (counts[value] ?? 0) + 1;
    }
    // A standard deviation is 29.
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(150);
    expect(below(1)).toBe(0);
    expect(() => below(0)).toThrow(/bound/);
    expect(() => below(2 ** 33)).toThrow(/bound/);
  });

  test('between stays within', () => {
    const { between } = numbers();
    for (let i = 0; i < 100; i += 1) {
      const value = between(2, 3);
      expect(value).toBeGreaterThanOrEqual(2);
      expect(value).toBeLessThan(3);
    }
  });

  test('shuffled is a permutation, leaves its argument alone, and isn’t the identity', () => {
    const items = Array.from({ length: 50 }, (_, i) => i);
    const shuffled = numbers().shuffled(items);
    expect([...shuffled].sort((a, b) => a - b)).toEqual(items);
    expect(shuffled).not.toEqual(items);
    expect(items[0]).toBe(0);
    expect(numbers().shuffled(items)).toEqual(shuffled);
  });
});
