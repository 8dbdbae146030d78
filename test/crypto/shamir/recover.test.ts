import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { equalBytes } from '../../../src/core/bytes.js';
import { PeerError, UsageError } from '../../../src/core/errors.js';
import { type HeldShare, recoverSecret } from '../../../src/crypto/shamir/recover.js';
import { heldShares, randomNumbers, randomSecret, shuffled } from './fixtures.js';

/** A copy whose byte at `at` has the bits of `mask` flipped. */
function flipped(share: Uint8Array, at: number, mask: number): Uint8Array {
  const copy = share.slice();
  copy[at] = (copy[at] ?? 0) ^ mask;
  return copy;
}

/** How a wrong holder's share differs from the true one. */
const faults: Readonly<Record<string, (share: Uint8Array, position: number) => Uint8Array>> = {
  'all symbols': (share, position) => share.map((byte, i) => byte ^ (1 + ((i * 7 + position) % 255))),
  'one bit': (share) => flipped(share, 0, 1),
  'one bit, each holder elsewhere': (share, position) => flipped(share, (5 * position) % share.length, 0x80),
  'the last symbol': (share) => flipped(share, share.length - 1, 0x42),
  zeros: (share) => new Uint8Array(share.length),
};

function spoil(shares: readonly HeldShare[], count: number, fault: string): HeldShare[] {
  return shares.map((held, i) => (i < count ? { ...held, share: faults[fault]?.(held.share, i) ?? held.share } : held));
}

const numbersOf = (shares: readonly HeldShare[]): number[] => shares.map(({ holder }) => holder).sort((a, b) => a - b);

test('every threshold for up to 12 holders, by every number of shares that suffices', () => {
  for (let holders = 1; holders <= 12; holders += 1) {
    for (let threshold = 1; threshold <= holders; threshold += 1) {
      const secret = randomSecret(6, holders * 20 + threshold);
      const shares = shuffled(heldShares(secret, threshold, holders), threshold);
      for (let count = threshold; count <= holders; count += 1)
        expect(recoverSecret(shares.slice(0, count), threshold)).toEqual({ secret, wrong: [] });
    }
  }
});

test('any subset in any order gives the secret, of any even length', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 40 }),
      fc.nat(40),
      fc.integer({ min: 1, max: 80 }),
      fc.nat(),
      (threshold, more, length, seed) => {
        const secret = randomSecret(2 * length, seed);
        const shares = shuffled(heldShares(secret, threshold, threshold + more, seed), seed);
        const some = shares.slice(0, threshold + (seed % (more + 1)));
        expect(recoverSecret(some, threshold)).toEqual({ secret, wrong: [] });
      },
    ),
  );
});

test('long secrets, and many more shares than needed', () => {
  const long = randomSecret(200_002, 8);
  const recovered = recoverSecret(spoil(heldShares(long, 2, 4), 1, 'one bit'), 2);
  expect(equalBytes(recovered.secret, long)).toBe(true);
  expect(recovered.wrong).toEqual([1]);
  const short = randomSecret(2, 8);
  const shares = spoil(heldShares(short, 3, 600), 12, 'one bit');
  expect(recoverSecret(shares, 3).wrong).toEqual(numbersOf(shares.slice(0, 12)));
});

test('shares are neither changed nor kept', () => {
  const secret = randomSecret(32, 5);
  const shares = spoil(heldShares(secret, 3, 9), 2, 'zeros');
  const before = shares.map(({ holder, share }) => ({ holder, share: share.slice() }));
  const { secret: found } = recoverSecret(shares, 3);
  expect(shares).toEqual(before);
  found.fill(0);
  expect(recoverSecret(shares, 3).secret).toEqual(secret);
});

describe.each(Object.keys(faults))('wrong shares (%s)', (fault) => {
  test('up to the radius they are corrected and named', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 30 }), fc.nat(30), fc.nat(), (threshold, more, seed) => {
        const secret = randomSecret(32, seed);
        const shares = shuffled(heldShares(secret, threshold, threshold + more, seed), seed);
        const count = seed % (Math.floor(more / 2) + 1);
        const result = recoverSecret(shuffled(spoil(shares, count, fault), seed + 1), threshold);
        expect(result).toEqual({ secret, wrong: numbersOf(shares.slice(0, count)) });
      }),
    );
  });

  test('at the radius of a large set', () => {
    const secret = randomSecret(32, 3);
    const shares = shuffled(heldShares(secret, 300, 358), 4);
    const wrong = numbersOf(shares.slice(0, 29));
    expect(recoverSecret(spoil(shares, 29, fault), 300)).toEqual({ secret, wrong });
    expect(() => recoverSecret(spoil(shares, 30, fault), 300)).toThrow(PeerError);
  });

  test('beyond the radius they are an error, or the caller is told', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 12 }),
        fc.nat(),
        (threshold, more, seed) => {
          const secret = randomSecret(32, seed);
          const shares = shuffled(heldShares(secret, threshold, threshold + more, seed), seed);
          const count = Math.floor(more / 2) + 1;
          // Wrong shares may lie on another codeword by chance or design; with `accept` that can't pass as the secret.
          const accept = (candidate: Uint8Array): boolean => equalBytes(candidate, secret);
          try {
            expect(recoverSecret(spoil(shares, count, fault), threshold, { accept }).secret).toEqual(secret);
          } catch (error) {
            if (!(error instanceof PeerError)) throw error;
            expect(['shamir.undecodable', 'shamir.rejected']).toContain(error.code);
          }
        },
      ),
    );
  });
});

test('errors in other columns than the first, in more than 16 columns, and of different holders', () => {
  const secret = randomSecret(100, 9);
  const shares = heldShares(secret, 5, 25).map(({ holder, share }) =>
    holder % 3 === 0 ? { holder, share: flipped(share, 4 * holder - 1, 0xff) } : { holder, share },
  );
  expect(recoverSecret(shares, 5)).toEqual({ secret, wrong: [3, 6, 9, 12, 15, 18, 21, 24] });
});

test('few wrong shares in each column but too many in all are beyond the radius', () => {
  const shares = heldShares(randomSecret(32, 9), 5, 13).map(({ holder, share }) =>
    holder <= 5 ? { holder, share: flipped(share, 2 * holder, 1) } : { holder, share },
  );
  expect(() => recoverSecret(shares, 5)).toThrow(expect.objectContaining({ code: 'shamir.undecodable' }));
});

test('shares of two secrets: the majority wins if it is large enough, otherwise nobody', () => {
  const one = heldShares(randomSecret(32, 1), 4, 12, 1);
  const two = heldShares(randomSecret(32, 2), 4, 12, 2);
  expect(recoverSecret([...one.slice(0, 8), ...two.slice(8)], 4)).toEqual({
    secret: randomSecret(32, 1),
    wrong: [9, 10, 11, 12],
  });
  expect(() => recoverSecret([...one.slice(0, 7), ...two.slice(7)], 4)).toThrow(
    expect.objectContaining({ code: 'shamir.undecodable' }),
  );
});

describe('accept has the last word', () => {
  const secret = randomSecret(32, 4);
  const accept = (candidate: Uint8Array): boolean => equalBytes(candidate, secret);

  test('exactly threshold shares, one of them wrong, are noticed only by it', () => {
    const shares = spoil(heldShares(secret, 6, 6), 1, 'one bit');
    expect(recoverSecret(shares, 6).secret).not.toEqual(secret);
    expect(() => recoverSecret(shares, 6, { accept })).toThrow(expect.objectContaining({ code: 'shamir.rejected' }));
    expect(() => recoverSecret(shares, 6, { accept })).toThrow(PeerError);
  });

  test('a yes lets the secret through, corrected or not', () => {
    const shares = heldShares(secret, 3, 7);
    expect(recoverSecret(shares, 3, { accept })).toEqual({ secret, wrong: [] });
    expect(recoverSecret(spoil(shares, 2, 'zeros'), 3, { accept })).toEqual({ secret, wrong: [1, 2] });
  });

  test('only true is a yes, and what it throws goes through', () => {
    const shares = heldShares(secret, 3, 7);
    // @ts-expect-error: what an untyped caller could do
    expect(() => recoverSecret(shares, 3, { accept: () => 'yes' })).toThrow(PeerError);
    const boom = new Error('boom');
    const thrower = (): boolean => {
      throw boom;
    };
    expect(() => recoverSecret(shares, 3, { accept: thrower })).toThrow(boom);
  });

  test('a wrong majority of colluders is refused', () => {
    const lie = heldShares(randomSecret(32, 99), 3, 9, 1);
    const shares = heldShares(secret, 3, 9).map((held, i) => (i < 7 ? (lie[i] ?? held) : held));
    expect(recoverSecret(shares, 3).secret).toEqual(randomSecret(32, 99));
    expect(() => recoverSecret(shares, 3, { accept })).toThrow(expect.objectContaining({ code: 'shamir.rejected' }));
  });
});

describe('wrong input is a UsageError', () => {
  const shares = heldShares(randomSecret(32, 4), 3, 6);
  const first = shares[0] as HeldShare;
  const cases: readonly [string, unknown, unknown, string][] = [
    ['not an array', 'shares', 3, 'usage.shares'],
    ['no shares', [], 1, 'shamir.count'],
    ['fewer than the threshold', shares.slice(0, 2), 3, 'shamir.count'],
    ['a huge threshold', shares, 70_000, 'usage.range'],
    ['threshold 0', shares, 0, 'usage.range'],
    ['threshold a fraction', shares, 2.5, 'usage.range'],
    ['threshold missing', shares, undefined, 'usage.range'],
    ['a holder twice', [...shares, first], 3, 'shamir.duplicate'],
    ['holder 0', [...shares, { ...first, holder: 0 }], 3, 'usage.range'],
    ['holder beyond the field', [...shares, { ...first, holder: 65536 }], 3, 'usage.range'],
    ['holder a string', [...shares, { ...first, holder: '7' }], 3, 'usage.range'],
    ['holder NaN', [...shares, { ...first, holder: Number.NaN }], 3, 'usage.range'],
    ['a share too short', [...shares, { holder: 7, share: new Uint8Array(30) }], 3, 'shamir.length'],
    ['a share too long', [...shares, { holder: 7, share: new Uint8Array(34) }], 3, 'shamir.length'],
    ['odd shares', [{ holder: 7, share: new Uint8Array(3) }], 1, 'shamir.length'],
    ['empty shares', [{ holder: 7, share: new Uint8Array(0) }], 1, 'shamir.length'],
    ['a share that is no bytes', [...shares, { holder: 7, share: 'share' }], 3, 'usage.bytes'],
    ['a hole', [...shares, undefined], 3, 'usage.shares'],
    ['a null', [null, ...shares], 3, 'usage.shares'],
  ];
  test.each(cases)('%s', (_, given, threshold, code) => {
    const call = () => recoverSecret(given as HeldShare[], threshold as number);
    expect(call).toThrow(expect.objectContaining({ code }));
    expect(call).toThrow(UsageError);
  });

  test.each([null, 1, { accept: true }])('options %j', (options) => {
    // @ts-expect-error: what an untyped caller could do
    expect(() => recoverSecret(shares, 3, options)).toThrow(UsageError);
  });
});

test('random bytes as shares never crash, hang or take the name of an honest holder that is not there', () => {
  const next = randomNumbers(11);
  for (let round = 0; round < 200; round += 1) {
    const threshold = 1 + (next() % 8);
    const count = threshold + (next() % 10);
    const shares = Array.from({ length: count }, (_, i) => ({
      holder: 1 + i * (1 + (round % 5)),
      share: randomSecret(4, next()),
    }));
    try {
      const { secret, wrong } = recoverSecret(shares, threshold);
      expect(secret).toHaveLength(4);
      expect(numbersOf(shares)).toEqual(expect.arrayContaining([...wrong]));
    } catch (error) {
      expect(error).toBeInstanceOf(PeerError);
    }
  }
});
