import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Lanes, laneBitsFor } from '../../src/kernels/lanes.js';
import { packing, startPacking } from '../../src/kernels/packing.js';
import { twin } from '../../src/kernels/packing.twin.js';

const kernel = startPacking();
if (kernel === undefined) throw new Error('these tests need WebAssembly SIMD');

const widths = Array.from({ length: 32 }, (_, i) => i + 1);

function lanesOf(bits: number, values: readonly number[]): Lanes {
  const lane = laneBitsFor(bits);
  return lane === 8 ? Uint8Array.from(values) : lane === 16 ? Uint16Array.from(values) : Uint32Array.from(values);
}

/** Full-width values, so that what a lane holds above b bits is exercised too. */
const values = fc.array(fc.integer({ min: 0, max: 2 ** 32 - 1 }), { maxLength: 70 });

/** The definition, bit by bit. */
function packByBits(bits: number, lanes: Lanes): Uint8Array {
  const packed = new Uint8Array(Math.ceil((bits * lanes.length) / 8));
  lanes.forEach((value, i) => {
    for (let j = 0; j < bits; j += 1) {
      const at = i * bits + j;
      packed[at >> 3] = (packed[at >> 3] ?? 0) | (((value >>> j) & 1) << (at & 7));
    }
  });
  return packed;
}

/** Like toEqual, which takes a while on long arrays. */
function expectSame(actual: Lanes, expected: Lanes): void {
  expect(actual.length).toBe(expected.length);
  expect(actual.findIndex((value, i) => value !== expected[i])).toBe(-1);
}

describe('the packing kernel, its twin and the definition agree', () => {
  it('is used where SIMD is', () => {
    expect(packing().pack).not.toBe(twin.pack);
  });

  it.each(widths)('at %i bits', (bits) => {
    fc.assert(
      fc.property(values, values, (first, second) => {
        const lanes = lanesOf(bits, first);
        const expected = packByBits(bits, lanes);
        const fromKernel = new Uint8Array(expected.length).fill(0xaa);
        const fromTwin = fromKernel.slice();
        kernel.pack(bits, lanes, fromKernel);
        twin.pack(bits, lanes, fromTwin);
        expect(fromKernel).toEqual(expected);
        expect(fromTwin).toEqual(expected);

        const start = lanesOf(
          bits,
          first.map((_, i) => second[i] ?? 0),
        );
        const sum = lanesOf(
          bits,
          first.map((value, i) => (start[i] ?? 0) + (value % 2 ** bits)),
        );
        const kernelSum = start.slice();
        const twinSum = start.slice();
        kernel.addPacked(bits, kernelSum, expected);
        twin.addPacked(bits, twinSum, expected);
        expect(kernelSum).toEqual(sum);
        expect(twinSum).toEqual(sum);
      }),
      { numRuns: 60 },
    );
  });

  it.each(widths)('at %i bits across blocks, at odd offsets, writing nothing outside', (bits) => {
    for (const length of [8191, 8192, 16391]) {
      const at = bits % 3;
      const room = lanesOf(
        bits,
        Array.from({ length: length + at + 5 }, (_, i) => Math.imul(i + 1, 0x9e3779b1) >>> 0),
      );
      const lanes = room.subarray(at, at + length);
      const size = Math.ceil((bits * length) / 8);
      const around = new Uint8Array(size + 8).fill(0x5a);
      kernel.pack(bits, lanes, around.subarray(3, 3 + size));
      const byTwin = new Uint8Array(size);
      twin.pack(bits, lanes, byTwin);
      expectSame(around.subarray(3, 3 + size), byTwin);
      expect([...around.subarray(0, 3), ...around.subarray(3 + size)]).toEqual(Array(8).fill(0x5a));

      const before = room.slice();
      const expected = room.slice();
      twin.addPacked(bits, expected.subarray(at, at + length), byTwin);
      kernel.addPacked(bits, lanes, around.subarray(3, 3 + size));
      expectSame(room, expected);
      expectSame(room.subarray(0, at), before.subarray(0, at));
      expectSame(room.subarray(at + length), before.subarray(at + length));
    }
  });
});
