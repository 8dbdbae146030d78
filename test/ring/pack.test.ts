import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PeerError, UsageError } from '../../src/core/errors.js';
import { addPacked, checkPacked, pack, packedLength, unpack } from '../../src/ring/pack.js';
import { equalVectors, type RingVector, ringVector, zeroVector } from '../../src/ring/vector.js';

function vector(bits: number, values: readonly number[]): RingVector {
  const { lanes } = zeroVector(bits, values.length);
  values.forEach((value, i) => {
    lanes[i] = value;
  });
  return ringVector(bits, lanes);
}

const widths = Array.from({ length: 32 }, (_, i) => i + 1);

describe('packing', () => {
  it('lays bits out as documented', () => {
    // 5, 1, 7, 2 at 3 bits: 101 100 111 010 from the least significant bit of each on.
    expect(pack(vector(3, [5, 1, 7, 2]))).toEqual(Uint8Array.of(0b11_001_101, 0b0000_0101));
    expect(pack(vector(32, [0x04030201]))).toEqual(Uint8Array.of(1, 2, 3, 4));
    expect(pack(vector(1, [1, 0, 0, 0, 0, 0, 0, 0, 1]))).toEqual(Uint8Array.of(1, 1));
    expect(pack(vector(12, [0xabc, 0x123]))).toEqual(Uint8Array.of(0xbc, 0x3a, 0x12));
  });

  it('reduces mod 2^b', () => {
    expect(pack(vector(5, [33, 255]))).toEqual(pack(vector(5, [1, 31])));
  });

  it.each(widths)('and unpacking are inverse, of the length that packedLength says, at %i bits', (bits) => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 2 ** bits - 1 }), { maxLength: 40 }), (values) => {
        const packed = pack(vector(bits, values));
        expect(packed.length).toBe(packedLength(bits, values.length));
        expect(unpack(bits, values.length, packed)).toEqual(vector(bits, values));
      }),
      { numRuns: 50 },
    );
  });

  it.each(widths)('has one form a vector, and every string with zero padding is one, at %i bits', (bits) => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), fc.infiniteStream(fc.nat(255)), (length, stream) => {
        const packed = Uint8Array.from(stream.take(packedLength(bits, length)));
        const used = (bits * length) % 8;
        const last = packed.length - 1;
        if (used !== 0) packed[last] = (packed[last] ?? 0) & (2 ** used - 1);
        expect(pack(unpack(bits, length, packed))).toEqual(packed);
      }),
      { numRuns: 50 },
    );
  });

  it.each([1, 5, 8, 12, 16, 20, 27, 32])('adds many uploads of %i bits to the sum mod 2^b', (bits) => {
    const length = 1003;
    const accumulator = zeroVector(bits, length);
    const sums = new Float64Array(length);
    for (let upload = 1; upload <= 300; upload += 1) {
      const values = Array.from({ length }, (_, i) => (Math.imul(i + upload, 0x9e3779b1) >>> 0) % 2 ** bits);
      values.forEach((value, i) => {
        sums[i] = ((sums[i] ?? 0) + value) % 2 ** bits;
      });
      addPacked(accumulator, pack(vector(bits, values)));
    }
    expect(equalVectors(accumulator, vector(bits, [...sums]))).toBe(true);
  });

  it('of nothing is nothing', () => {
    expect(pack(zeroVector(7, 0))).toEqual(new Uint8Array(0));
    expect(unpack(7, 0, new Uint8Array(0))).toEqual(zeroVector(7, 0));
  });
});

describe('what a peer can get wrong', () => {
  it.each([
    ['one byte short', 20, 3, new Uint8Array(7), 'input.length'],
    ['one byte long', 20, 3, new Uint8Array(9), 'input.length'],
    ['nothing', 20, 3, new Uint8Array(0), 'input.length'],
    ['something for nothing', 20, 0, new Uint8Array(1), 'input.length'],
    ['a padding bit', 20, 3, Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0x10), 'input.padding'],
    ['the last padding bit', 1, 1, Uint8Array.of(0x80), 'input.padding'],
  ])('%s', (_, bits, length, packed, code) => {
    const accumulator = vector(bits, Array(length).fill(1));
    for (const call of [
      () => unpack(bits, length, packed),
      () => addPacked(accumulator, packed),
      () => checkPacked(bits, length, packed),
    ]) {
      expect(call).toThrow(PeerError);
      expect(call).toThrow(expect.objectContaining({ code }));
    }
    expect(accumulator).toEqual(vector(bits, Array(length).fill(1)));
  });

  it('every single padding bit', () => {
    for (const bits of widths) {
      for (let length = 1; length <= 8; length += 1) {
        for (let bit = (bits * length) % 8; bit > 0 && bit < 8; bit += 1) {
          const packed = new Uint8Array(packedLength(bits, length));
          packed[packed.length - 1] = 1 << bit;
          expect(() => unpack(bits, length, packed)).toThrow(expect.objectContaining({ code: 'input.padding' }));
        }
      }
    }
  });
});

describe('what a caller can get wrong', () => {
  it.each([
    ['bits', () => packedLength(0, 1), 'usage.range'],
    ['bits of unpack', () => unpack(33, 1, new Uint8Array(5)), 'usage.range'],
    ['a length', () => packedLength(8, 2 ** 40), 'usage.range'],
    ['a type', () => addPacked(zeroVector(8, 1), [1] as unknown as Uint8Array), 'usage.bytes'],
    ['another type', () => unpack(8, 1, new Uint16Array(1) as unknown as Uint8Array), 'usage.bytes'],
    ['no vector', () => pack(undefined as unknown as RingVector), 'usage.vector'],
  ])('%s', (_, call, code) => {
    expect(call).toThrow(UsageError);
    expect(call).toThrow(expect.objectContaining({ code }));
  });

  it('packed bytes that are the accumulator', () => {
    const accumulator = zeroVector(8, 3);
    expect(() => addPacked(accumulator, new Uint8Array(accumulator.lanes.buffer))).toThrow(UsageError);
  });
});
