import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toHex } from '../../src/core/bytes.js';
import { PeerError } from '../../src/core/errors.js';
import { confirmInput, releasedSeeds, Survivors } from '../../src/secagg/survivors.js';

const sets = fc
  .integer({ min: 1, max: 200 })
  .chain((n) => fc.record({ n: fc.constant(n), indices: fc.uniqueArray(fc.nat(n - 1)) }));

describe('Survivors', () => {
  it('holds just the indices it was made of', () => {
    fc.assert(
      fc.property(sets, ({ n, indices }) => {
        const survivors = Survivors.of(n, indices);
        expect(survivors.size).toBe(indices.length);
        expect(survivors.bitmap).toHaveLength(Math.ceil(n / 8));
        const all = Array.from({ length: n }, (_, i) => i);
        expect(all.filter((i) => survivors.has(i))).toEqual([...indices].sort((a, b) => a - b));
        const again = new Survivors(n, survivors.bitmap);
        expect([again.size, again.bitmap]).toEqual([survivors.size, survivors.bitmap]);
      }),
    );
  });

  it('has bits little-endian in each byte', () => {
    expect(toHex(Survivors.of(12, [0, 3, 8, 11]).bitmap)).toBe('0909');
    expect(toHex(Survivors.of(9, [7, 8]).bitmap)).toBe('8001');
  });

  it('counts an index that stands twice once', () => {
    expect(Survivors.of(10, [3, 3, 3]).size).toBe(1);
  });

  it('is without what lies beyond the roster', () => {
    const survivors = Survivors.of(12, [0, 11]);
    for (const index of [12, 15, 16, 1000, 2 ** 31]) expect(survivors.has(index)).toBe(false);
  });

  it('refuses a bitmap of any other length', () => {
    for (const n of [1, 7, 8, 9, 16, 17])
      for (let length = 0; length < 5; length += 1) {
        const call = (): Survivors => new Survivors(n, new Uint8Array(length));
        if (length === Math.ceil(n / 8)) expect(call().size).toBe(0);
        else {
          expect(call).toThrow(PeerError);
          expect(call).toThrowError(expect.objectContaining({ code: 'survivors.form' }));
        }
      }
  });

  it('refuses every bit of padding, so that one set has one bitmap', () => {
    for (const n of [1, 3, 7, 8, 9, 15, 16, 20])
      for (let bit = 0; bit < 8 * Math.ceil(n / 8); bit += 1) {
        const bitmap = new Uint8Array(Math.ceil(n / 8));
        bitmap[bit >>> 3] = 1 << (bit & 7);
        const call = (): Survivors => new Survivors(n, bitmap);
        if (bit < n) expect([call().size, call().has(bit)]).toEqual([1, true]);
        else expect(call).toThrowError(expect.objectContaining({ code: 'survivors.form' }));
      }
  });

  it('of an index outside the roster is refused or holds nothing', () => {
    expect(() => Survivors.of(9, [9])).toThrow(PeerError);
    expect(Survivors.of(9, [16]).size).toBe(0);
  });
});

describe('confirmInput', () => {
  const hash = new Uint8Array(32).fill(1);

  it('is the label, the frozen hash and the hash of the bitmap', () => {
    const survivors = Survivors.of(12, [0, 3, 8, 11]);
    const digest = createHash('sha256').update(Buffer.from('0909', 'hex')).digest('hex');
    const label = '117665696c73756d2f3120636f6e6669726d'; // 17, "veilsum/1 confirm"
    expect(toHex(confirmInput(hash, survivors))).toBe(`${label}${'01'.repeat(32)}${digest}`);
  });

  it('differs for any other survivors and any other session', () => {
    const inputs = [
      confirmInput(hash, Survivors.of(12, [0, 3])),
      confirmInput(hash, Survivors.of(12, [0, 4])),
      confirmInput(hash, Survivors.of(12, [0, 3, 4])),
      confirmInput(new Uint8Array(32), Survivors.of(12, [0, 3])),
    ].map(toHex);
    expect(new Set(inputs).size).toBe(inputs.length);
  });
});

describe('releasedSeeds', () => {
  it.each([
    [4, []],
    [5, [1]],
    [6, [1]],
    [7, [0, 1, 3]],
    [100, [0, 1, 3]],
    [1000, [0, 1, 2, 3]],
  ])('of [7, 5, 1000, 7] with %i survivors are %j', (survivors, positions) => {
    expect(releasedSeeds([7, 5, 1000, 7], survivors)).toEqual(positions);
  });

  it('are none where a session has none, and all where none waits', () => {
    expect(releasedSeeds([], 10)).toEqual([]);
    expect(releasedSeeds([0, 0], 0)).toEqual([0, 1]);
  });
});
