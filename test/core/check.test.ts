import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkBytes, checkChoice, checkInteger, checkNumber, describe as describeValue } from '../../src/core/check.js';
import { UsageError } from '../../src/core/errors.js';

const notNumbers = [undefined, null, '1', true, {}, [], [1], () => 1, 1n, Symbol('x'), new Uint8Array(1), Number.NaN];

const codeOf = (call: () => unknown): string => {
  try {
    call();
    return 'passed';
  } catch (error) {
    expect(error).toBeInstanceOf(UsageError);
    return error instanceof UsageError ? error.code : 'untyped';
  }
};

describe('checkInteger', () => {
  it('returns integers within the bounds, which are inclusive', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer(), fc.integer(), (value, a, b) => {
        const [min, max] = [Math.min(a, b), Math.max(a, b)];
        const inside = value >= min && value <= max;
        expect(codeOf(() => checkInteger('x', value, min, max))).toBe(inside ? 'passed' : 'usage.range');
      }),
    );
    expect(checkInteger('x', 3, 3, 3)).toBe(3);
  });

  it('refuses everything else, and names the field and the bounds', () => {
    for (const value of [...notNumbers, 0.5, Infinity, -Infinity])
      expect(codeOf(() => checkInteger('x', value, -10, 10))).toBe('usage.range');
    expect(() => checkInteger('bits', 33, 1, 32)).toThrow('bits must be an integer from 1 to 32, got 33');
  });
});

describe('checkNumber', () => {
  it('returns finite numbers within the bounds and refuses the rest', () => {
    expect(checkNumber('x', 0.5, 0, 1)).toBe(0.5);
    for (const value of [...notNumbers, -0.1, 1.1, Infinity])
      expect(codeOf(() => checkNumber('x', value, 0, 1))).toBe('usage.range');
  });
});

describe('checkBytes', () => {
  it('returns a Uint8Array, of the length where given', () => {
    const bytes = new Uint8Array(3);
    expect(checkBytes('x', bytes)).toBe(bytes);
    expect(checkBytes('x', bytes, 3)).toBe(bytes);
    expect(codeOf(() => checkBytes('x', bytes, 4))).toBe('usage.bytes');
    expect(codeOf(() => checkBytes('x', new Uint8Array(), 32))).toBe('usage.bytes');
  });

  it('refuses everything else', () => {
    for (const value of [
      undefined,
      null,
      'abc',
      [1, 2, 3],
      new ArrayBuffer(3),
      new Uint16Array(3),
      new Uint8ClampedArray(3),
      { length: 3 },
    ])
      expect(codeOf(() => checkBytes('x', value, 3))).toBe('usage.bytes');
  });
});

describe('checkChoice', () => {
  it('returns what is allowed and refuses the rest', () => {
    expect(checkChoice('x', 'a', ['a', 'b'])).toBe('a');
    for (const value of ['c', '', undefined, null, 1, ['a'], NaN])
      expect(codeOf(() => checkChoice<string | number>('x', value, ['a', 'b', 2]))).toBe('usage.choice');
  });
});

describe('describe', () => {
  it('is short whatever the value, and never shows the content of bytes', () => {
    fc.assert(
      fc.property(fc.anything({ withTypedArray: true, withBigInt: true, withNullPrototype: true }), (value) => {
        expect(describeValue(value).length).toBeLessThan(400);
      }),
    );
    expect(describeValue(Uint8Array.of(200, 201))).toBe('Uint8Array(2 bytes)');
    expect(describeValue(Buffer.from('secret'))).toBe('Buffer(6 bytes)');
    expect(describeValue(new DataView(new ArrayBuffer(5)))).toBe('DataView(5 bytes)');
    expect(describeValue([7, 8, 9])).toBe('an array of 3');
    expect(describeValue({ secret: 1 })).toBe('an object');
    expect(describeValue('x'.repeat(41))).toBe('a string of 41 characters');
    expect(describeValue(Symbol('s'))).toBe('Symbol(s)');
  });
});
