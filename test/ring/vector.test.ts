import { describe, expect, expectTypeOf, it } from 'vitest';
import { UsageError } from '../../src/core/errors.js';
import type { Lanes } from '../../src/kernels/lanes.js';
import {
  addInto,
  asMasked,
  asPlain,
  checkVector,
  equalVectors,
  type MaskedVector,
  maxVectorLength,
  type PlainVector,
  part,
  type RingVector,
  ringVector,
  subtractFrom,
  zeroVector,
} from '../../src/ring/vector.js';

describe('a ring vector', () => {
  it('keeps values in the least lane', () => {
    expect(zeroVector(1, 3).lanes).toEqual(new Uint8Array(3));
    expect(zeroVector(8, 3).lanes).toBeInstanceOf(Uint8Array);
    expect(zeroVector(9, 3).lanes).toBeInstanceOf(Uint16Array);
    expect(zeroVector(16, 3).lanes).toBeInstanceOf(Uint16Array);
    expect(zeroVector(17, 0).lanes).toBeInstanceOf(Uint32Array);
    expect(zeroVector(32, 3).lanes).toBeInstanceOf(Uint32Array);
  });

  it.each([
    ['bits below 1', () => zeroVector(0, 1), 'usage.range'],
    ['bits above 32', () => zeroVector(33, 1), 'usage.range'],
    ['fractional bits', () => zeroVector(8.5, 1), 'usage.range'],
    ['a negative length', () => zeroVector(8, -1), 'usage.range'],
    ['a huge length', () => zeroVector(8, maxVectorLength + 1), 'usage.range'],
    ['text for bits', () => zeroVector('8' as unknown as number, 1), 'usage.range'],
    ['wider lanes', () => ringVector(8, new Uint16Array(1)), 'usage.lanes'],
    ['narrower lanes', () => ringVector(17, new Uint16Array(1)), 'usage.lanes'],
    ['signed lanes', () => ringVector(32, new Int32Array(1) as unknown as Lanes), 'usage.lanes'],
    ['clamping lanes', () => ringVector(8, new Uint8ClampedArray(1) as unknown as Lanes), 'usage.lanes'],
    ['an array', () => ringVector(8, [1] as unknown as Lanes), 'usage.lanes'],
    ['null', () => checkVector('x', null as unknown as RingVector), 'usage.vector'],
    ['no bits', () => asPlain({ lanes: new Uint8Array(1) } as unknown as RingVector), 'usage.range'],
    ['no lanes', () => asMasked({ bits: 8 } as unknown as RingVector), 'usage.lanes'],
    ['a part past the end', () => part(asPlain(zeroVector(8, 3)), 0, 4), 'usage.range'],
    ['a part that ends before it starts', () => part(asPlain(zeroVector(8, 3)), 2, 1), 'usage.range'],
    ['other bits', () => addInto(asPlain(zeroVector(8, 3)), asPlain(zeroVector(7, 3))), 'usage.vector'],
    ['another length', () => subtractFrom(asPlain(zeroVector(8, 3)), asPlain(zeroVector(8, 2))), 'usage.vector'],
  ])('refuses %s', (_, call, code) => {
    expect(call).toThrow(UsageError);
    expect(call).toThrow(expect.objectContaining({ code }));
  });

  it.each([
    [5, Uint8Array, 8],
    [12, Uint16Array, 16],
    [32, Uint32Array, 32],
  ] as const)('adds and subtracts mod 2^%i', (bits, LaneArray, lane) => {
    const top = 2 ** lane - 1;
    const a = asPlain(ringVector(bits, LaneArray.from([top, 1, 0])));
    const b = asPlain(ringVector(bits, LaneArray.from([2, 3, 0])));
    const start = asPlain({ bits, lanes: a.lanes.slice() });
    addInto(a, b);
    expect([...a.lanes]).toEqual([1, 4, 0]);
    subtractFrom(a, b);
    expect(a).toEqual(start);
    subtractFrom(b, start);
    expect([...b.lanes]).toEqual([3, 2, 0]);
  });

  it('compares mod 2^b', () => {
    expect(equalVectors(ringVector(5, Uint8Array.of(33, 2)), ringVector(5, Uint8Array.of(1, 2)))).toBe(true);
    expect(equalVectors(ringVector(5, Uint8Array.of(33)), ringVector(5, Uint8Array.of(2)))).toBe(false);
    expect(equalVectors(ringVector(5, Uint8Array.of(1)), ringVector(6, Uint8Array.of(1)))).toBe(false);
    expect(equalVectors(ringVector(5, Uint8Array.of(1)), ringVector(5, Uint8Array.of(1, 1)))).toBe(false);
  });

  it('shares lanes with its parts', () => {
    const whole = asPlain(zeroVector(8, 4));
    part(whole, 1, 3).lanes.fill(9);
    expect([...whole.lanes]).toEqual([0, 9, 9, 0]);
  });
});

describe('plain and masked', () => {
  it('are different types', () => {
    expectTypeOf<PlainVector>().not.toExtend<MaskedVector>();
    expectTypeOf<MaskedVector>().not.toExtend<PlainVector>();
    expectTypeOf<RingVector>().not.toExtend<PlainVector>();
    expectTypeOf<RingVector>().not.toExtend<MaskedVector>();
    expectTypeOf<PlainVector>().toExtend<RingVector>();
    expectTypeOf<MaskedVector>().toExtend<RingVector>();
  });

  it("can't be mixed up", () => {
    const plain = asPlain(zeroVector(8, 1));
    const masked = asMasked(zeroVector(8, 1));
    // @ts-expect-error a masked vector added to a plain one
    addInto(plain, masked);
    // @ts-expect-error a plain vector subtracted from a masked one
    subtractFrom(masked, plain);
    // @ts-expect-error a vector that is neither
    addInto(zeroVector(8, 1), zeroVector(8, 1));
    addInto(plain, plain);
    addInto(masked, masked);
  });
});
