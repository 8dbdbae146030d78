import { ed25519 } from '@noble/curves/ed25519.js';
import { describe, expect, it } from 'vitest';
import { fromHex } from '../../src/core/bytes.js';
import { isTorsionFree } from '../../src/crypto/torsion.js';

/** A point of order 8: its multiples are the eight points of small order. */
const torsion = ed25519.Point.fromHex('26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05');
const multiples = Array.from({ length: 8 }, (_, i) =>
  Array.from({ length: i }, () => torsion).reduce((sum, point) => sum.add(point), ed25519.Point.ZERO),
);

describe('isTorsionFree', () => {
  it('takes keys that Ed25519 makes', () => {
    for (let i = 0; i < 5; i += 1) expect(isTorsionFree(ed25519.getPublicKey(new Uint8Array(32).fill(i)))).toBe(true);
  });

  it('refuses the same keys with any torsion part', () => {
    const point = ed25519.Point.fromBytes(ed25519.getPublicKey(new Uint8Array(32).fill(3)));
    expect(multiples.map((part) => isTorsionFree(point.add(part).toBytes()))).toEqual([true, ...Array(7).fill(false)]);
  });

  it('refuses points of small order but the neutral one, which the signature key check refuses', () => {
    expect(new Set(multiples.map((point) => point.toHex())).size).toBe(8);
    expect(multiples.map((point) => isTorsionFree(point.toBytes()))).toEqual([true, ...Array(7).fill(false)]);
  });

  it.each([
    ['nothing', ''],
    ['31 bytes', '58'.repeat(31)],
    ['33 bytes', '58'.repeat(33)],
    ['a y that no point has', `02${'00'.repeat(31)}`],
    ['a y above p', `${'ff'.repeat(31)}7f`],
    ['the neutral point with y + p', `ee${'ff'.repeat(30)}7f`],
    ['a zero x with a sign', `01${'00'.repeat(30)}80`],
  ])('refuses %s', (_, hex) => {
    expect(isTorsionFree(fromHex(hex))).toBe(false);
  });
});
