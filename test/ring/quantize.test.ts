import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UsageError } from '../../src/core/errors.js';
import {
  decodeCounters,
  decodeSum,
  dequantize,
  type QuantizeOptions,
  quantizationLimit,
  quantizationStep,
  quantize,
  quantizeInto,
  ringBitsFor,
} from '../../src/ring/quantize.js';
import { addInto, asPlain, type PlainVector, ringVector, zeroVector } from '../../src/ring/vector.js';
import { draws } from '../support/draws.js';

function one(x: number, draw: number, options: Partial<QuantizeOptions & { ringBits: number }> = {}): number {
  const all = { bits: 8, range: 127, weight: 1, ringBits: 32, rounding: Uint32Array.of(draw), ...options };
  return decodeSum(quantize(Float32Array.of(x), all))[0] ?? Number.NaN;
}

describe('quantizing', () => {
  it('rounds up when the draw is below the fraction', () => {
    expect(one(3.25, 2 ** 30 - 1)).toBe(4);
    expect(one(3.25, 2 ** 30)).toBe(3);
    expect(one(-3.25, 3 * 2 ** 30 - 1)).toBe(-3);
    expect(one(-3.25, 3 * 2 ** 30)).toBe(-4);
    expect(one(0, 0)).toBe(0);
    expect(one(5, 0)).toBe(5);
    expect(one(-5, 2 ** 32 - 1)).toBe(-5);
  });

  it('clamps, and never leaves the integers of its width', () => {
    for (let bits = 2; bits <= 32; bits += 1) {
      const limit = quantizationLimit(bits);
      for (const draw of [0, 1, 2 ** 31, 2 ** 32 - 1]) {
        for (const x of [0.7, 0.70001, 1, 3e38]) {
          expect(Math.abs(one(x, draw, { bits, range: 0.7 }))).toBeLessThanOrEqual(limit);
          expect(Math.abs(one(-x, draw, { bits, range: 0.7 }))).toBeLessThanOrEqual(limit);
        }
        expect(one(1, draw, { bits, range: 0.7 })).toBe(limit);
        expect(one(-1, draw, { bits, range: 0.7 })).toBe(-limit);
      }
    }
  });

  it('is exactly unbiased over a grid of all draws', () => {
    const grid = 64;
    for (const weight of [1, 7]) {
      for (let numerator = -130; numerator <= 130; numerator += 1) {
        const x = numerator / grid;
        let total = 0;
        for (let k = 0; k < grid; k += 1) total += one(x, (k * 2 ** 32) / grid, { weight });
        expect(total / grid).toBe(x * weight);
      }
    }
  });

  it('is unbiased by any measure that a large sample gives', () => {
    const length = 100_000;
    const rounding = draws(20);
    for (const x of [0.0001, 0.3, -0.77, 12.5, -63.123, 126.99]) {
      const vector = quantize(new Float32Array(length).fill(x), {
        bits: 8,
        range: 127,
        weight: 1,
        ringBits: 8,
        rounding: rounding(length),
      });
      const mean = decodeSum(vector).reduce((sum, integer) => sum + integer, 0) / length;
      // A rounded value is a coin with variance f (1 - f); 5 standard errors.
      const fraction = Math.fround(x) - Math.floor(Math.fround(x));
      expect(Math.abs(mean - Math.fround(x))).toBeLessThan(5 * Math.sqrt((fraction * (1 - fraction)) / length));
    }
  });

  it('is within a step of the clamped value, times the weight', () => {
    fc.assert(
      fc.property(
        fc.float({ min: -4, max: 4, noNaN: true }),
        fc.integer({ min: 0, max: 2 ** 32 - 1 }),
        fc.integer({ min: 2, max: 24 }),
        fc.integer({ min: 0, max: 100 }),
        (x, draw, bits, weight) => {
          const options = { bits, range: 1.5 };
          const step = quantizationStep(options);
          const decoded = dequantize(Int32Array.of(one(x, draw, { ...options, weight })), options)[0] ?? Number.NaN;
          const clamped = Math.min(1.5, Math.max(-1.5, x));
          expect(Math.abs(decoded - clamped * weight)).toBeLessThanOrEqual(weight * step * (1 + 1e-9));
        },
      ),
    );
  });

  it('leaves the places after the values alone', () => {
    const target = asPlain(ringVector(12, Uint16Array.of(0, 0, 7, 8)));
    quantizeInto(target, Float32Array.of(1, -1), { bits: 8, range: 127, weight: 2, rounding: new Uint32Array(2) });
    expect([...decodeSum(target)]).toEqual([2, -2, 7, 8]);
  });

  const good = { bits: 8, range: 1, weight: 1, ringBits: 16, rounding: new Uint32Array(2) };
  const values = Float32Array.of(0, 1);
  it.each([
    ['NaN', () => quantize(Float32Array.of(0, Number.NaN), good), 'usage.finite', 'values[1] is NaN'],
    [
      'infinity',
      () => quantize(Float32Array.of(Number.NEGATIVE_INFINITY, 0), good),
      'usage.finite',
      'values[0] is -Inf',
    ],
    ['doubles', () => quantize(new Float64Array(2) as unknown as Float32Array, good), 'usage.floats', 'Float64Array'],
    ['an array', () => quantize([0, 1] as unknown as Float32Array, good), 'usage.floats', 'an array of 2'],
    ['too few draws', () => quantize(values, { ...good, rounding: new Uint32Array(1) }), 'usage.vector', 'rounding'],
    [
      'no draws',
      () => quantize(values, { ...good, rounding: [] as unknown as Uint32Array }),
      'usage.vector',
      'rounding',
    ],
    ['1 bit', () => quantize(values, { ...good, bits: 1 }), 'usage.range', 'bits'],
    ['33 bits', () => quantize(values, { ...good, bits: 33 }), 'usage.range', 'bits'],
    ['no range', () => quantize(values, { ...good, range: 0 }), 'usage.range', 'range'],
    ['a NaN range', () => quantize(values, { ...good, range: Number.NaN }), 'usage.range', 'range'],
    ['a fractional weight', () => quantize(values, { ...good, weight: 1.5 }), 'usage.range', 'weight'],
    ['a negative weight', () => quantize(values, { ...good, weight: -1 }), 'usage.range', 'weight'],
    ['a weight that wraps', () => quantize(values, { ...good, weight: 259 }), 'ring.wraps', 'weight 259'],
    [
      'a short target',
      () => quantizeInto(asPlain(zeroVector(16, 1)), values, good),
      'usage.vector',
      'target must have 2 places',
    ],
  ])('refuses %s', (_, call, code, text) => {
    expect(call).toThrow(UsageError);
    expect(call).toThrow(expect.objectContaining({ code }));
    expect(call).toThrow(text);
  });

  it('takes the largest weight that fits', () => {
    expect(one(1, 0, { bits: 8, range: 1, weight: 258, ringBits: 16 })).toBe(127 * 258);
  });
});

describe('decoding', () => {
  it('centers, whatever is above b bits in the lane', () => {
    expect([...decodeSum(asPlain(ringVector(5, Uint8Array.of(0, 15, 16, 31, 32 + 3, 255))))]).toEqual([
      0, 15, -16, -1, 3, -1,
    ]);
    expect([...decodeSum(asPlain(ringVector(32, Uint32Array.of(2 ** 31 - 1, 2 ** 31))))]).toEqual([
      2 ** 31 - 1,
      -(2 ** 31),
    ]);
    expect([...decodeSum(asPlain(ringVector(1, Uint8Array.of(0, 1, 2, 3))))]).toEqual([0, -1, 0, -1]);
  });

  it('counts unsigned', () => {
    expect([...decodeCounters(asPlain(ringVector(5, Uint8Array.of(0, 16, 31, 32 + 3))))]).toEqual([0, 16, 31, 3]);
    expect([...decodeCounters(asPlain(ringVector(32, Uint32Array.of(2 ** 32 - 1))))]).toEqual([2 ** 32 - 1]);
  });
});

describe('ringBitsFor', () => {
  it.each([
    [16, 10, 1, 20],
    [16, 1, 1, 16],
    [16, 16, 1, 20],
    [16, 17, 1, 21],
    [8, 1000, 10_000, 32],
    [2, 2 ** 30, 1, 32],
    [32, 1, 1, 32],
  ])('%i bits, %i clients, weight %i: %i', (bits, maxClients, maxWeight, expected) => {
    expect(ringBitsFor({ bits, maxClients, maxWeight })).toBe(expected);
  });

  it.each([
    [32, 2, 1],
    [16, 2 ** 16, 2],
    [2, 2 ** 30 + 1, 1],
    [2, 2 ** 32, 2 ** 32],
  ])('refuses %i bits, %i clients, weight %i, and says what to lower', (bits, maxClients, maxWeight) => {
    const call = () => ringBitsFor({ bits, maxClients, maxWeight });
    expect(call).toThrow(expect.objectContaining({ code: 'ring.wraps' }));
    expect(call).toThrow(/lower bits to \d+, or the product of clients and weight to \d+/);
  });

  it.each([
    [1, 1, 1],
    [33, 1, 1],
    [8, 0, 1],
    [8, 1, 0],
    [8, 1.5, 1],
    [8, Number.NaN, 1],
  ])('refuses %d, %d, %d as out of range', (bits, maxClients, maxWeight) => {
    expect(() => ringBitsFor({ bits, maxClients, maxWeight })).toThrow(
      expect.objectContaining({ code: 'usage.range' }),
    );
  });

  it('holds all-maximum inputs of both signs', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 32 }),
        fc.nat(2 ** 20).map((n) => n + 1),
        fc.nat(2 ** 20).map((n) => n + 1),
        (bits, clients, weights) => {
          const room = 2 ** (32 - bits);
          const maxClients = Math.min(clients, room);
          const maxWeight = Math.min(weights, Math.floor(room / maxClients));
          const b = ringBitsFor({ bits, maxClients, maxWeight });
          const extreme = quantizationLimit(bits) * maxClients * maxWeight;
          expect(extreme).toBeLessThan(2 ** (b - 1));
          const lane = zeroVector(b, 2);
          lane.lanes.set([extreme % 2 ** b, 2 ** b - extreme]);
          expect([...decodeSum(asPlain(lane))]).toEqual([extreme, -extreme]);
          // The counter of weights fits as well.
          expect(maxClients * maxWeight).toBeLessThan(2 ** b);
        },
      ),
    );
  });

  it('holds sums made with the real code: n clients, each coordinate and weight at its maximum', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 12 }),
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 50 }),
        (bits, maxClients, maxWeight) => {
          const ringBits = ringBitsFor({ bits, maxClients, maxWeight });
          const sum: PlainVector = asPlain(zeroVector(ringBits, 2));
          const rounding = Uint32Array.of(2 ** 32 - 1, 0);
          for (let i = 0; i < maxClients; i += 1)
            addInto(sum, quantize(Float32Array.of(9, -9), { bits, range: 1, weight: maxWeight, ringBits, rounding }));
          const extreme = quantizationLimit(bits) * maxClients * maxWeight;
          expect([...decodeSum(sum)]).toEqual([extreme, -extreme]);
        },
      ),
    );
  });
});
