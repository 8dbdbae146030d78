import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareBytes, concatBytes, equalBytes, fromHex, lookupKey, toHex, utf8, wipe } from '../../src/core/bytes.js';

const bytes = fc.uint8Array({ maxLength: 80 });

describe('concatBytes', () => {
  it('joins parts into a new array', () => {
    fc.assert(
      fc.property(fc.array(bytes), (parts) => {
        expect([...concatBytes(...parts)]).toEqual(parts.flatMap((part) => [...part]));
      }),
    );
    const part = Uint8Array.of(1);
    const joined = concatBytes(part);
    part[0] = 2;
    expect([...joined]).toEqual([1]);
    expect(concatBytes()).toEqual(new Uint8Array());
  });
});

describe('equalBytes', () => {
  it('is equality of content', () => {
    fc.assert(fc.property(bytes, bytes, (a, b) => equalBytes(a, b) === (Buffer.compare(a, b) === 0)));
    fc.assert(fc.property(bytes, (a) => equalBytes(a, a.slice())));
  });

  it('sees a difference in any place', () => {
    for (let i = 0; i < 32; i += 1) {
      const other = new Uint8Array(32);
      other[i] = 0x80;
      expect(equalBytes(new Uint8Array(32), other)).toBe(false);
    }
  });
});

describe('compareBytes', () => {
  it('is the lexicographic order', () => {
    fc.assert(fc.property(bytes, bytes, (a, b) => Math.sign(compareBytes(a, b)) === Buffer.compare(a, b)));
  });
});

describe('lookupKey', () => {
  it('is another string for other bytes, of any length', () => {
    fc.assert(fc.property(bytes, (value) => Buffer.from(lookupKey(value), 'latin1').equals(value)));
    const large = Uint8Array.from({ length: 300_000 }, (_, i) => i * 7 + (i >> 8));
    expect(Buffer.from(lookupKey(large), 'latin1').equals(large)).toBe(true);
  });
});

describe('toHex and fromHex', () => {
  it('invert each other', () => {
    fc.assert(
      fc.property(bytes, (value) => {
        expect(toHex(value)).toBe(Buffer.from(value).toString('hex'));
        expect(fromHex(toHex(value))).toEqual(value);
        expect(fromHex(toHex(value).toUpperCase())).toEqual(value);
      }),
    );
  });

  it.each([['0'], ['0g'], ['0x'], [' 00'], ['00\n'], ['é0'], [undefined], [null], [12], [['00']]])(
    'fromHex refuses %j',
    (text) => {
      expect(() => fromHex(text as string)).toThrow(expect.objectContaining({ code: 'usage.hex' }));
    },
  );
});

describe('wipe', () => {
  it('zeroes what it is given, of any lane', () => {
    const secrets = [Uint8Array.of(1, 2), Uint16Array.of(300), Uint32Array.of(70_000)] as const;
    wipe(...secrets);
    for (const secret of secrets) expect([...secret].every((value) => value === 0)).toBe(true);
  });
});

describe('utf8', () => {
  it('encodes text', () => {
    expect([...utf8('aé€😀')]).toEqual([...Buffer.from('aé€😀')]);
  });
});
