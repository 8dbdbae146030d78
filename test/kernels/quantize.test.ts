import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { quantizer, startQuantize } from '../../src/kernels/quantize.js';
import { twin } from '../../src/kernels/quantize.twin.js';

const kernel = startQuantize();
if (kernel === undefined) throw new Error('these tests need WebAssembly SIMD');

const word = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const laneTypes = [Uint8Array, Uint16Array, Uint32Array] as const;

describe('the quantize kernel and its twin agree', () => {
  it('is used where SIMD is', () => {
    expect(quantizer()).not.toBe(twin);
  });

  it('bit for bit, on any float32, draw, width, weight and range', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.float({ noNaN: true, noDefaultInfinity: true }), word), { maxLength: 40 }),
        fc.integer({ min: 2, max: 32 }),
        fc.integer({ min: 0, max: 2 ** 20 }),
        fc.double({ min: 2 ** -126, max: 2 ** 127, noNaN: true }),
        fc.boolean(),
        fc.constantFrom(...laneTypes),
        (pairs, bits, anyWeight, anyRange, near, LaneArray) => {
          const limit = 2 ** (bits - 1) - 1;
          const weight = Math.min(anyWeight, Math.floor((2 ** 31 - 1) / limit));
          const values = Float32Array.from(pairs, ([value]) => value);
          const range = near ? Math.max(2 ** -126, Math.abs(values[0] ?? 1) * 1.5) : anyRange;
          const rounding = Uint32Array.from(pairs, ([, draw]) => draw);
          const parameters = { scale: limit / range, limit, weight };
          const fromKernel = new LaneArray(values.length);
          const fromTwin = new LaneArray(values.length);
          expect(kernel(values, rounding, parameters, fromKernel)).toBe(true);
          expect(twin(values, rounding, parameters, fromTwin)).toBe(true);
          expect(fromKernel).toEqual(fromTwin);
        },
      ),
      { numRuns: 2000 },
    );
  });

  it.each(laneTypes)('across blocks, at odd offsets, writing nothing outside (%o)', (LaneArray) => {
    for (const length of [4095, 4096, 4097, 8195]) {
      const values = Float32Array.from({ length: length + 1 }, (_, i) => Math.sin(i)).subarray(1);
      const rounding = Uint32Array.from({ length: length + 1 }, (_, i) => Math.imul(i + 1, 0x9e3779b1)).subarray(1);
      const parameters = { scale: 127, limit: 127, weight: 3 };
      const room = new LaneArray(length + 9).fill(77);
      const expected = room.slice();
      kernel(values, rounding, parameters, room.subarray(3, 3 + length));
      twin(values, rounding, parameters, expected.subarray(3, 3 + length));
      expect(room).toEqual(expected);
    }
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])('refuses %d wherever it is', (strange) => {
    const parameters = { scale: 127, limit: 127, weight: 1 };
    for (const length of [1, 2, 3, 4, 5, 9, 4096, 4099]) {
      for (const at of new Set([0, length >> 1, length - 1])) {
        const values = new Float32Array(length);
        values[at] = strange;
        const lanes = new Uint32Array(length);
        expect(kernel(values, new Uint32Array(length), parameters, lanes)).toBe(false);
        expect(twin(values, new Uint32Array(length), parameters, lanes)).toBe(false);
      }
    }
    // And what lay in the kernel's memory doesn't spoil the next call.
    expect(kernel(new Float32Array(3), new Uint32Array(3), parameters, new Uint32Array(3))).toBe(true);
  });
});
