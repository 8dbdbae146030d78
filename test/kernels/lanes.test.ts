import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { equalBytes } from '../../src/core/bytes.js';
import { UsageError } from '../../src/core/errors.js';
import {
  addLanes,
  type LaneBits,
  type LaneBlock,
  laneBitsFor,
  laneBitsOf,
  laneBlock,
  laneBytes,
  subtractLanes,
  wasmLaneBlock,
} from '../../src/kernels/lanes.js';
import { twinLaneBlock } from '../../src/kernels/lanes.twin.js';

const wasm = wasmLaneBlock();
const twin = twinLaneBlock();
const laneBits = fc.constantFrom<LaneBits>(8, 16, 32);
const arrays = { 8: Uint8Array, 16: Uint16Array, 32: Uint32Array };

/** Bytes that differ everywhere, from a seed. */
function noise(seed: number, length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  let state = seed >>> 0;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

function run(block: LaneBlock, seed: number, { lane, count, bytes, subtract }: Call): Uint8Array {
  block.sum.set(noise(seed, bytes));
  block.slots.forEach((slot, i) => {
    slot.set(noise(seed + i + 1, bytes));
  });
  if (subtract) block.subtract(lane, count, bytes);
  else block.add(lane, count, bytes);
  return block.sum.slice(0, bytes);
}

interface Call {
  readonly lane: LaneBits;
  readonly count: number;
  readonly bytes: number;
  readonly subtract: boolean;
}

describe('laneBitsFor', () => {
  test('is the least lane', () => {
    for (let bits = 1; bits <= 32; bits++) expect(laneBitsFor(bits)).toBe([8, 16, 32].find((lane) => lane >= bits));
  });

  test.each([0, 33, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '8', undefined])('refuses %s bits', (bits) => {
    expect(() => laneBitsFor(bits as number)).toThrow(UsageError);
  });
});

describe('laneBitsOf', () => {
  test('reads the three arrays of lanes', () => {
    for (const lane of [8, 16, 32] as const) expect(laneBitsOf('lanes', new arrays[lane](3))).toBe(lane);
  });

  test.each([new Int32Array(1), new Float32Array(1), new Uint8ClampedArray(1), [1], null, undefined, 'lanes', {}])(
    'refuses %s',
    (value) => {
      expect(() => laneBitsOf('lanes', value)).toThrow(/^lanes must be/);
    },
  );
});

describe('lane block', () => {
  test('is the kernel here', () => {
    expect(wasm).toBeDefined();
    expect(laneBlock().sum.buffer.byteLength).toBeGreaterThan(5 * laneBlock().blockBytes);
  });

  test('kernel and twin are equal', () => {
    if (wasm === undefined) throw new Error('no kernel');
    expect([wasm.blockBytes, wasm.slots.length]).toEqual([twin.blockBytes, twin.slots.length]);
    const call = fc.record({
      lane: laneBits,
      count: fc.integer({ min: 0, max: 4 }),
      bytes: fc.oneof(fc.integer({ min: 0, max: 80 }), fc.integer({ min: 0, max: 16_384 })).map((words) => words * 4),
      subtract: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.nat(), call, (seed, call) => {
        expect(equalBytes(run(wasm, seed, call), run(twin, seed, call))).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  test('lanes of a length that is no multiple of a vector', () => {
    if (wasm === undefined) throw new Error('no kernel');
    for (const bytes of [1, 3, 15, 17, 63, 65, 65_535]) {
      const call = { lane: 8, count: 3, bytes, subtract: true } as const;
      expect(equalBytes(run(wasm, bytes, call), run(twin, bytes, call))).toBe(true);
    }
  });
});

describe('addLanes and subtractLanes', () => {
  test('are mod 2^lane, for any length and offset', () => {
    const length = fc.oneof(fc.integer({ min: 0, max: 70 }), fc.integer({ min: 16_000, max: 70_000 }));
    fc.assert(
      fc.property(laneBits, length, fc.nat({ max: 3 }), fc.nat(), (lane, length, skip, seed) => {
        const Lanes = arrays[lane];
        const width = lane / 8;
        const [before, values] = [seed, seed + 1].map((s) =>
          new Lanes(noise(s, (length + skip) * width).buffer).subarray(skip),
        );
        if (before === undefined || values === undefined) throw new Error('no arrays');
        const target = before.slice();
        addLanes(target, values);
        expect(target.every((sum, i) => sum === ((before[i] ?? 0) + (values[i] ?? 0)) % 2 ** lane)).toBe(true);
        subtractLanes(target, values);
        expect(equalBytes(laneBytes(target), laneBytes(before))).toBe(true);
      }),
      { numRuns: 40 },
    );
  });

  test('refuse other lanes, lengths and types', () => {
    for (const combine of [addLanes, subtractLanes]) {
      expect(() => combine(new Uint8Array(2), new Uint8Array(3))).toThrow(UsageError);
      expect(() => combine(new Uint8Array(2), new Uint16Array(2))).toThrow(UsageError);
      expect(() => combine(new Int8Array(2) as never, new Uint8Array(2))).toThrow(UsageError);
      expect(() => combine(new Uint8Array(2), undefined as never)).toThrow(UsageError);
    }
  });
});

test('laneBytes shares the memory of the lanes', () => {
  const lanes = new Uint16Array([1, 0x1234, 0xffff, 7]).subarray(1, 3);
  const bytes = laneBytes(lanes);
  expect([...bytes]).toEqual([0x34, 0x12, 0xff, 0xff]);
  bytes[2] = 0;
  expect([...lanes]).toEqual([0x1234, 0xff00]);
});
