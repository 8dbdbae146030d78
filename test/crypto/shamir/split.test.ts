import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { concatBytes, fromHex, toHex } from '../../../src/core/bytes.js';
import { UsageError } from '../../../src/core/errors.js';
import { multiply } from '../../../src/crypto/shamir/field16.js';
import { recoverSecret } from '../../../src/crypto/shamir/recover.js';
import { coefficientLength, maxHolders, splitSecret } from '../../../src/crypto/shamir/split.js';
import { coefficientsThrough, randomSecret, symbols, toBytes } from './fixtures.js';

/** Computed once by a separate program: Horner's rule, multiplication bit by bit. */
const known = {
  secret: fromHex('0102030405060708'),
  coefficients: fromHex('bdc279c4cc963c91bc45bfdd318b2741'),
  threshold: 3,
  shares: ['0085c51df81b1cd8', '8b915bfa2407e32e', '8a169de3d91af8fe', 'e453b5cf2bef7d5e', 'e5d473d6d6f2668e'],
  lastShare: '0d3437635bdc7ebf',
};

test('known answers', () => {
  const { secret, coefficients, threshold } = known;
  expect(splitSecret(secret, { threshold, holders: 5, coefficients }).map(toHex)).toEqual(known.shares);
});

test('the field has room for 65535 holders, and the last one has a share like any other', () => {
  const { secret, coefficients, threshold } = known;
  const shares = splitSecret(secret, { threshold, holders: maxHolders, coefficients });
  expect(shares).toHaveLength(65535);
  expect(toHex(shares.at(-1) ?? new Uint8Array(0))).toBe(known.lastShare);
  const held = [65535, 4, 40000].map((holder) => ({ holder, share: shares[holder - 1] ?? new Uint8Array(0) }));
  expect(recoverSecret(held, threshold).secret).toEqual(secret);
});

test('shares are the values of the polynomials', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 0, max: 30 }), fc.nat(), (threshold, more, seed) => {
      const holders = threshold + more;
      const secret = randomSecret(2 * (1 + (seed % 40)), seed);
      const coefficients = randomSecret(coefficientLength(secret.length, threshold), seed + 1);
      const rows = [...symbols(secret), ...symbols(coefficients)];
      const count = secret.length / 2;
      const shares = splitSecret(secret, { threshold, holders, coefficients });
      for (const [i, share] of shares.entries()) {
        for (const [k, symbol] of symbols(share).entries()) {
          let value = 0;
          for (let degree = threshold - 1; degree >= 0; degree -= 1)
            value = multiply(value, i + 1) ^ (rows[degree * count + k] ?? 0);
          expect(symbol).toBe(value);
        }
      }
    }),
  );
});

test('secrets that are joined have joined shares', () => {
  const [one, two] = [randomSecret(32, 1), randomSecret(6, 2)] as const;
  const [first, second] = [randomSecret(32, 3), randomSecret(6, 4)] as const;
  const split = (secret: Uint8Array, coefficients: Uint8Array): Uint8Array[] =>
    splitSecret(secret, { threshold: 2, holders: 5, coefficients });
  const [ones, twos] = [split(one, first), split(two, second)] as const;
  expect(split(concatBytes(one, two), concatBytes(first, second))).toEqual(
    ones.map((share, i) => concatBytes(share, twos[i] ?? new Uint8Array(0))),
  );
});

test('neither the secret nor the coefficients are changed', () => {
  const secret = randomSecret(32, 1);
  const coefficients = randomSecret(coefficientLength(32, 3), 2);
  splitSecret(secret, { threshold: 3, holders: 5, coefficients });
  expect(secret).toEqual(randomSecret(32, 1));
  expect(coefficients).toEqual(randomSecret(coefficientLength(32, 3), 2));
});

describe('fewer shares than the threshold say nothing', () => {
  test('threshold 2: over all coefficients, a share takes each value once, whatever the secret', () => {
    const coefficients = toBytes(Array.from({ length: 0x10000 }, (_, i) => i));
    for (const symbol of [0, 1, 0xbeef]) {
      const secret = toBytes(new Array<number>(0x10000).fill(symbol));
      for (const share of splitSecret(secret, { threshold: 2, holders: 3, coefficients }))
        expect(new Set(symbols(share)).size).toBe(0x10000);
    }
  });

  test('any threshold: for each secret there are coefficients that give the same threshold - 1 shares', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 8 }),
        fc.nat(),
        fc.uint8Array({ minLength: 2, maxLength: 2 }),
        (threshold, seed, other) => {
          const holders = 12;
          const secret = randomSecret(2, seed);
          const shares = splitSecret(secret, {
            threshold,
            holders,
            coefficients: randomSecret(2 * (threshold - 1), seed + 1),
          });
          const seen = Array.from({ length: threshold - 1 }, (_, i) => 1 + ((seed + 5 * i) % holders));
          const points = seen.map(
            (holder) => [holder, symbols(shares[holder - 1] ?? new Uint8Array(0))[0] ?? 0] as const,
          );
          const coefficients = coefficientsThrough([[0, symbols(other)[0] ?? 0], ...points]).slice(1);
          const others = splitSecret(other, { threshold, holders, coefficients: toBytes(coefficients) });
          for (const holder of seen) expect(others[holder - 1]).toEqual(shares[holder - 1]);
        },
      ),
    );
  });
});

describe('wrong input is a UsageError', () => {
  const good = { secret: new Uint8Array(32), threshold: 2, holders: 3, coefficients: new Uint8Array(32) };
  const cases: readonly [string, Record<string, unknown>, string][] = [
    ['secret of a wrong type', { secret: 'secret' }, 'usage.bytes'],
    ['secret of another array type', { secret: new Uint16Array(16) }, 'usage.bytes'],
    ['empty secret', { secret: new Uint8Array(0), coefficients: new Uint8Array(0) }, 'usage.bytes'],
    ['odd secret', { secret: new Uint8Array(3), coefficients: new Uint8Array(3) }, 'usage.bytes'],
    ['coefficients too few', { coefficients: new Uint8Array(30) }, 'usage.bytes'],
    ['coefficients too many', { coefficients: new Uint8Array(64) }, 'usage.bytes'],
    ['coefficients missing', { coefficients: undefined }, 'usage.bytes'],
    ['threshold 0', { threshold: 0, coefficients: new Uint8Array(0) }, 'usage.range'],
    ['threshold above holders', { threshold: 4, coefficients: new Uint8Array(96) }, 'usage.range'],
    ['threshold not an integer', { threshold: 1.5 }, 'usage.range'],
    ['threshold NaN', { threshold: Number.NaN }, 'usage.range'],
    ['threshold a string', { threshold: '2' }, 'usage.range'],
    ['holders 0', { holders: 0 }, 'usage.range'],
    ['holders beyond the field', { holders: 65536 }, 'usage.range'],
    ['holders infinite', { holders: Number.POSITIVE_INFINITY }, 'usage.range'],
  ];
  test.each(cases)('%s', (_, change, code) => {
    const { secret, ...options } = { ...good, ...change } as typeof good;
    expect(() => splitSecret(secret, options)).toThrow(expect.objectContaining({ code }));
    expect(() => splitSecret(secret, options)).toThrow(UsageError);
  });

  test.each([undefined, null, 3])('options %s', (options) => {
    // @ts-expect-error: what an untyped caller could do
    expect(() => splitSecret(good.secret, options)).toThrow(UsageError);
  });
});
