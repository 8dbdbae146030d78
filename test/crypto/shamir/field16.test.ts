import fc from 'fast-check';
import { expect, test } from 'vitest';
import { addExponents, invert, multiply, order, publicLogarithms } from '../../../src/crypto/shamir/field16.js';

const element = fc.integer({ min: 0, max: 0xffff });

test('the field axioms hold', () => {
  fc.assert(
    fc.property(element, element, element, (a, b, c) => {
      expect(multiply(a, b)).toBe(multiply(b, a));
      expect(multiply(multiply(a, b), c)).toBe(multiply(a, multiply(b, c)));
      expect(multiply(a, b ^ c)).toBe(multiply(a, b) ^ multiply(a, c));
      expect(multiply(a, 1)).toBe(a);
      expect(multiply(a, 0)).toBe(0);
      expect(multiply(a, b)).toBeLessThan(0x10000);
    }),
  );
});

test('every element but zero has an inverse, so the polynomial is irreducible', () => {
  for (let a = 1; a < 0x10000; a += 1) {
    if (multiply(a, invert(a)) !== 1) expect.unreachable(`${a} has no inverse`);
  }
  expect(invert(0)).toBe(0);
});

test('the polynomial is the documented one', () => {
  expect(multiply(0x8000, 2)).toBe(0x002b);
  // x^16 = x^5 + x^3 + x + 1, so x^32 = x^10 + x^6 + x^2 + 1.
  expect(multiply(multiply(0x8000, 2), multiply(0x8000, 2))).toBe(0x0445);
});

test('logarithms agree with multiplication', () => {
  const { log, exp } = publicLogarithms();
  expect(new Set(exp.subarray(0, order)).size).toBe(order);
  expect(exp[order]).toBe(1);
  expect(log[0]).toBe(0);
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 0xffff }), fc.integer({ min: 1, max: 0xffff }), (a, b) => {
      expect(exp[log[a] ?? -1]).toBe(a);
      expect(exp[addExponents(log[a] ?? -1, log[b] ?? -1)]).toBe(multiply(a, b));
    }),
  );
});

test('exponents add modulo 65535, with 65535 standing for 0 as well', () => {
  fc.assert(
    fc.property(element, element, (a, b) => {
      const sum = addExponents(a, b);
      expect(sum).toBeLessThanOrEqual(order);
      expect(sum % order).toBe((a + b) % order);
    }),
  );
});
