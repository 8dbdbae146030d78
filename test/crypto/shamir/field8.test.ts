import fc from 'fast-check';
import { expect, test } from 'vitest';
import { addProducts, double, order, prepareMultiples, publicLogarithms } from '../../../src/crypto/shamir/field8.js';

/** The four symbols of a word times a scalar. */
function multiply(word: number, scalar: number): number {
  const table = new Int32Array(32);
  const sums = new Int32Array(1);
  prepareMultiples(table, word);
  addProducts(sums, table, Uint8Array.of(scalar));
  return sums[0] ?? -1;
}

const element = fc.integer({ min: 0, max: 0xff });

test('the field axioms hold', () => {
  fc.assert(
    fc.property(element, element, element, (a, b, c) => {
      expect(multiply(a, b)).toBe(multiply(b, a));
      expect(multiply(multiply(a, b), c)).toBe(multiply(a, multiply(b, c)));
      expect(multiply(a, b ^ c)).toBe(multiply(a, b) ^ multiply(a, c));
      expect(multiply(a, 1)).toBe(a);
      expect(multiply(a, 0)).toBe(0);
    }),
  );
});

test('the polynomial is x^8 + x^4 + x^3 + x^2 + 1', () => {
  expect(multiply(0x80, 2)).toBe(0x1d);
});

test('the four symbols of a word do not touch each other', () => {
  fc.assert(
    fc.property(fc.integer(), element, (word, scalar) => {
      const result = multiply(word, scalar);
      for (let shift = 0; shift < 32; shift += 8) {
        expect((result >>> shift) & 0xff).toBe(multiply((word >>> shift) & 0xff, scalar));
        expect((double(word) >>> shift) & 0xff).toBe(multiply((word >>> shift) & 0xff, 2));
      }
    }),
  );
});

test('logarithms agree with multiplication, and every element but zero has one', () => {
  const { log, exp } = publicLogarithms();
  expect(new Set(exp).size).toBe(order);
  for (let a = 1; a <= order; a += 1) {
    expect(exp[log[a] ?? -1]).toBe(a);
    for (let b = 1; b <= order; b += 1) expect(exp[((log[a] ?? 0) + (log[b] ?? 0)) % order]).toBe(multiply(a, b));
  }
});
