import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import peer from 'shamirs-secret-sharing-ts';
import { describe, expect, test } from 'vitest';
import { PeerError, UsageError } from '../../../src/core/errors.js';
import { combineInterop, splitInterop } from '../../../src/crypto/shamir/interop.js';
import { randomSecret, shuffled } from './fixtures.js';

/** A secret, and how to share it among few or up to all 255 holders. */
const cases = fc
  .record({
    secret: fc.uint8Array({ minLength: 1, maxLength: 40 }),
    holders: fc.oneof({ weight: 9, arbitrary: fc.integer({ min: 1, max: 12 }) }, fc.constantFrom(254, 255)),
    seed: fc.nat(),
  })
  .map(({ secret, holders, seed }) => ({ secret, holders, seed, threshold: 1 + (seed % Math.min(holders, 20)) }));

const split = ({
  secret,
  holders,
  threshold,
  seed,
}: {
  secret: Uint8Array;
  holders: number;
  threshold: number;
  seed: number;
}) => splitInterop(secret, { holders, threshold, random: (length) => randomSecret(length, seed) });

test('shares of shamirs-secret-sharing-ts are combined by us', () => {
  fc.assert(
    fc.property(cases, ({ secret, holders, threshold, seed }) => {
      const shares = peer.split(Buffer.from(secret), { shares: holders, threshold });
      const some = shuffled(shares, seed).slice(0, threshold + (seed % (holders - threshold + 1)));
      expect(combineInterop(some)).toEqual(secret);
    }),
  );
});

test('our shares are combined by shamirs-secret-sharing-ts', () => {
  fc.assert(
    fc.property(cases, (given) => {
      const some = shuffled(split(given), given.seed).slice(0, given.threshold);
      expect(new Uint8Array(peer.combine(some.map((share) => Buffer.from(share))))).toEqual(given.secret);
    }),
  );
});

test('with the same randomness both make the same shares, byte for byte', () => {
  fc.assert(
    fc.property(cases, ({ secret, holders, threshold, seed }) => {
      const random = randomSecret(threshold * 2 * (secret.length + 16), seed);
      let used = 0;
      const theirs = peer.split(Buffer.from(secret), {
        shares: holders,
        threshold,
        random: (length: number) => {
          used += length;
          return Buffer.from(random.subarray(used - length, used));
        },
      });
      const ours = splitInterop(secret, { holders, threshold, random: (length) => random.slice(0, length) });
      expect(ours).toEqual(theirs.map((share) => new Uint8Array(share)));
    }),
  );
});

test('our shares are combined by us, also of secrets that begin or end with zeros', () => {
  for (const secret of [
    [0],
    [0, 0, 0],
    [0, 1],
    [1, 0],
    [255],
    new Array<number>(8).fill(0),
    new Array<number>(1000).fill(7),
  ]) {
    const bytes = Uint8Array.from(secret);
    expect(combineInterop(split({ secret: bytes, holders: 5, threshold: 3, seed: 1 }).slice(1, 4))).toEqual(bytes);
  }
});

test('threshold - 1 shares say nothing: over all coefficients they take each pair of values once, whatever the secret', () => {
  const random = new Uint8Array(2 * 16);
  for (const symbol of [0, 0xa5]) {
    const seen = new Uint8Array(0x10000);
    for (let pair = 0; pair < 0x10000; pair += 1) {
      // The coefficients of the last body byte, which is the secret's first, come first.
      random.set([pair & 0xff, pair >>> 8]);
      const [one, two] = splitInterop(Uint8Array.of(symbol), {
        holders: 3,
        threshold: 3,
        random: () => random.slice(),
      });
      const values = ((one?.at(-1) ?? 0) << 8) | (two?.at(-1) ?? 0);
      seen[values] = (seen[values] ?? 0) + 1;
    }
    expect(seen.every((times) => times === 1)).toBe(true);
  }
});

test('too few shares, damaged ones and a mix of two secrets are noticed', () => {
  const shares = split({ secret: randomSecret(32, 1), holders: 5, threshold: 3, seed: 1 });
  const others = split({ secret: randomSecret(32, 2), holders: 5, threshold: 3, seed: 2 });
  const damaged = shares.map((share, i) => (i === 1 ? share.map((byte, at) => (at > 1 ? byte ^ 0x10 : byte)) : share));
  for (const bad of [shares.slice(0, 2), damaged, [...shares.slice(0, 2), ...others.slice(2)]]) {
    expect(() => combineInterop(bad)).toThrow(expect.objectContaining({ code: 'shamir.undecodable' }));
    expect(() => combineInterop(bad)).toThrow(PeerError);
  }
});

describe('wrong input', () => {
  const options = { holders: 3, threshold: 2, random: (length: number) => new Uint8Array(length) };

  test.each([
    ['an empty secret', new Uint8Array(0), options, 'usage.bytes'],
    ['a secret that is a string', 'secret', options, 'usage.bytes'],
    ['no options', Uint8Array.of(1), undefined, 'usage.options'],
    ['no random', Uint8Array.of(1), { ...options, random: undefined }, 'usage.options'],
    ['random too short', Uint8Array.of(1), { ...options, random: () => new Uint8Array(1) }, 'usage.bytes'],
    ['256 holders', Uint8Array.of(1), { ...options, holders: 256 }, 'usage.range'],
    ['0 holders', Uint8Array.of(1), { ...options, holders: 0 }, 'usage.range'],
    ['threshold 0', Uint8Array.of(1), { ...options, threshold: 0 }, 'usage.range'],
    ['threshold above holders', Uint8Array.of(1), { ...options, threshold: 4 }, 'usage.range'],
  ])('of split: %s', (_, secret, given, code) => {
    const call = () => splitInterop(secret as Uint8Array, given as typeof options);
    expect(call).toThrow(expect.objectContaining({ code }));
    expect(call).toThrow(UsageError);
  });

  const good = split({ secret: randomSecret(32, 1), holders: 3, threshold: 2, seed: 1 });
  const first = good[0] ?? new Uint8Array(0);
  test.each([
    ['not an array', 'shares', UsageError],
    ['no shares', [], UsageError],
    ['a share that is a string', [...good, 'share'], UsageError],
    ['a hole', [undefined, ...good], UsageError],
    ['a share twice', [...good, first], UsageError],
    ['an empty share', [new Uint8Array(0)], PeerError],
    ['a share without a body', [first.slice(0, 2)], PeerError],
    ['a share cut short', [first.slice(0, 20), ...good.slice(1)], PeerError],
    ['shares of two lengths', [first.slice(0, 18), ...good.slice(1)], PeerError],
    ['another symbol size', [first.map((byte, i) => (i === 0 ? 9 : byte))], PeerError],
    ['share number 0', [first.map((byte, i) => (i === 1 ? 0 : byte))], PeerError],
    ['all zeros', [first.map((byte, i) => (i < 2 ? byte : 0))], PeerError],
  ])('of combine: %s', (_, shares, type) => {
    expect(() => combineInterop(shares as Uint8Array[])).toThrow(type);
  });
});
