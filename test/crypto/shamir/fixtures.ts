import { invert, multiply } from '../../../src/crypto/shamir/field16.js';
import type { HeldShare } from '../../../src/crypto/shamir/recover.js';
import { coefficientLength, splitSecret } from '../../../src/crypto/shamir/split.js';

/** Numbers from 0 to 2^32 - 1 by xorshift: the same for one seed. */
export function randomNumbers(seed: number): () => number {
  let state = (seed ^ 0x9e3779b9) | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

export function randomSecret(length: number, seed: number): Uint8Array {
  const next = randomNumbers(Math.imul(seed + 1, 0x85ebca6b));
  return Uint8Array.from({ length }, () => next() >>> 13);
}

/** Shares of holders 1 to `holders` with their numbers. */
export function heldShares(secret: Uint8Array, threshold: number, holders: number, seed = 7): HeldShare[] {
  const coefficients = randomSecret(coefficientLength(secret.length, threshold), ~seed);
  return splitSecret(secret, { threshold, holders, coefficients }).map((share, i) => ({ holder: i + 1, share }));
}

/** `items` in an order given by the seed. */
export function shuffled<T>(items: readonly T[], seed: number): T[] {
  const next = randomNumbers(seed);
  return items
    .map((item) => [next(), item] as const)
    .sort(([a], [b]) => a - b)
    .map(([, item]) => item);
}

export function symbols(bytes: Uint8Array): number[] {
  return Array.from({ length: bytes.length / 2 }, (_, i) => (bytes[2 * i] ?? 0) | ((bytes[2 * i + 1] ?? 0) << 8));
}

export function toBytes(values: readonly number[]): Uint8Array {
  return Uint8Array.from(values.flatMap((value) => [value & 0xff, value >>> 8]));
}

/** Coefficients, lowest first, of the polynomial through the points, as many as those: Newton's divided differences. */
export function coefficientsThrough(points: readonly (readonly [x: number, y: number])[]): number[] {
  let polynomial: number[] = [];
  let basis = [1];
  const value = (coefficients: readonly number[], x: number): number =>
    coefficients.reduceRight((sum, coefficient) => multiply(sum, x) ^ coefficient, 0);
  for (const [x, y] of points) {
    const factor = multiply(y ^ value(polynomial, x), invert(value(basis, x)));
    polynomial = basis.map((coefficient, i) => (polynomial[i] ?? 0) ^ multiply(factor, coefficient));
    basis = [0, ...basis].map((coefficient, i) => coefficient ^ multiply(x, basis[i] ?? 0));
  }
  return polynomial;
}
