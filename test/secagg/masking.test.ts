import { hkdfSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { concatBytes, fromHex, toHex, utf8 } from '../../src/core/bytes.js';
import type { MaskStream } from '../../src/crypto/prg/expander.js';
import { nobleProvider } from '../../src/crypto/provider/noble.js';
import { prgSizes, suites } from '../../src/crypto/suite.js';
import { type MaskBinding, pairwiseMask, selfMask, wipeStreams } from '../../src/secagg/masking.js';

const frozenHash = Uint8Array.from({ length: 32 }, (_, i) => i);
const secret = new Uint8Array(32).fill(0x5a);
const binding: MaskBinding = { suite: 1, frozenHash };
const shown = ({ key, nonce }: MaskStream): string => `${toHex(key)} ${toHex(nonce)}`;

/** HKDF of node:crypto with the info string written out. */
function expected(suite: 1 | 2, label: string, indices: string): string {
  const { key, nonce } = prgSizes[suite];
  const info = concatBytes(Uint8Array.of(label.length), utf8(label), fromHex(indices));
  const okm = Buffer.from(hkdfSync('sha256', secret, frozenHash, info, key + nonce)).toString('hex');
  return `${okm.slice(0, 2 * key)} ${okm.slice(2 * key)}`;
}

describe.each(suites)('suite %i', (suite) => {
  const own = { suite, frozenHash };

  it('derives key and nonce of a self mask from seed, frozen hash and index', () => {
    expect(shown(selfMask(own, 0x01020304, secret, false))).toBe(expected(suite, 'veilsum/1 self mask', '01020304'));
  });

  it('derives a pairwise mask from the secret, the frozen hash and both indices, the lower first', () => {
    const mask = expected(suite, 'veilsum/1 pairwise mask', '0000000300000102');
    expect(shown(pairwiseMask(own, 3, 0x102, secret))).toBe(mask);
    expect(shown(pairwiseMask(own, 0x102, 3, secret))).toBe(mask);
  });

  it('has pairwise masks that cancel and self masks that come off', async () => {
    const start = Uint32Array.from({ length: 1000 }, (_, i) => i);
    const lanes = start.slice();
    await nobleProvider.expander.accumulate(suite, lanes, [
      pairwiseMask(own, 3, 8, secret),
      selfMask(own, 3, secret, false),
    ]);
    expect(lanes).not.toEqual(start);
    await nobleProvider.expander.accumulate(suite, lanes, [selfMask(own, 3, secret, true)]);
    expect(lanes).not.toEqual(start);
    await nobleProvider.expander.accumulate(suite, lanes, [pairwiseMask(own, 8, 3, secret)]);
    expect(lanes).toEqual(start);
  });
});

it('subtracts as told, and in a pair on the side of the higher index', () => {
  expect([true, false].map((subtract) => selfMask(binding, 0, secret, subtract).subtract)).toEqual([true, false]);
  expect(pairwiseMask(binding, 3, 8, secret).subtract).toBe(false);
  expect(pairwiseMask(binding, 8, 3, secret).subtract).toBe(true);
});

it('has another mask for any other secret, session, index, partner, purpose or suite', () => {
  const other = new Uint8Array(32);
  const masks = [
    selfMask(binding, 3, secret, false),
    selfMask(binding, 4, secret, false),
    selfMask(binding, 3, other, false),
    selfMask({ ...binding, frozenHash: other }, 3, secret, false),
    pairwiseMask(binding, 3, 4, secret),
    pairwiseMask(binding, 3, 5, secret),
    pairwiseMask(binding, 4, 5, secret),
    pairwiseMask(binding, 3, 4, other),
    pairwiseMask({ ...binding, frozenHash: other }, 3, 4, secret),
  ];
  expect(new Set(masks.map(({ key }) => toHex(key))).size).toBe(masks.length);
  expect(new Set(masks.map(({ nonce }) => toHex(nonce))).size).toBe(masks.length);
});

describe('wipeStreams', () => {
  it('zeroes the key and the nonce of each, and not what they came from', () => {
    const streams = [selfMask(binding, 3, secret, false), pairwiseMask({ ...binding, suite: 2 }, 3, 4, secret)];
    wipeStreams(streams);
    for (const { key, nonce } of streams) expect(new Set([...key, ...nonce])).toEqual(new Set([0]));
    expect(new Set(secret)).toEqual(new Set([0x5a]));
  });
});
