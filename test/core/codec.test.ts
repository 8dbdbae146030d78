import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { utf8 } from '../../src/core/bytes.js';
import { decodeText, Reader, Writer } from '../../src/core/codec.js';
import { InternalError, PeerError } from '../../src/core/errors.js';

const malformed = expect.objectContaining({ code: 'codec.malformed' });
const encode = expect.objectContaining({ code: 'codec.encode' });

describe('Writer and Reader', () => {
  it('invert each other, field by field', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 0xff }),
        fc.integer({ min: 0, max: 0xffff }),
        fc.integer({ min: 0, max: 0xffffffff }),
        fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
        fc.uint8Array({ maxLength: 600 }),
        fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 50 }),
        (a, b, c, d, bytes, list) => {
          const written = new Writer(1)
            .uint8(a)
            .uint16(b)
            .uint32(c)
            .uint64(d)
            .opaque(bytes, 1000)
            .opaque(bytes, 70_000)
            .bytes(bytes)
            .vector(list, 100, (writer, item) => writer.uint16(item))
            .finish();
          const reader = new Reader(written, 'test');
          expect(reader.uint8('a')).toBe(a);
          expect(reader.uint16('b')).toBe(b);
          expect(reader.uint32('c')).toBe(c);
          expect(reader.uint64('d')).toBe(d);
          expect(reader.opaque(1000, 'e')).toEqual(bytes);
          expect(reader.opaque(70_000, 'f')).toEqual(bytes);
          expect(reader.bytes(bytes.length, 'g')).toEqual(bytes);
          expect(reader.vector(100, 2, 'h', (item) => item.uint16('h'))).toEqual(list);
          reader.end();
        },
      ),
    );
  });

  it('write big-endian, as RFC 8446 section 3 does', () => {
    const written = new Writer().uint8(1).uint16(0x203).uint32(0x4050607).uint64(0x8090a0b0c0d0e).finish();
    expect([...written]).toEqual([1, 2, 3, 4, 5, 6, 7, 0, 8, 9, 10, 11, 12, 13, 14]);
  });

  it('take 16-bit lengths up to a maximum below 2^16 and 32-bit ones from there on', () => {
    expect(new Writer().opaque(new Uint8Array(1), 0xffff).finish().length).toBe(3);
    expect(new Writer().opaque(new Uint8Array(1), 0x10000).finish().length).toBe(5);
  });
});

describe('Reader', () => {
  it('refuses what is cut off, in every field and at every length', () => {
    const reads: readonly (readonly [number, (reader: Reader) => unknown])[] = [
      [1, (r) => r.uint8('x')],
      [2, (r) => r.uint16('x')],
      [4, (r) => r.uint32('x')],
      [8, (r) => r.uint64('x')],
      [32, (r) => r.bytes(32, 'x')],
      [32, (r) => r.view(32, 'x')],
    ];
    for (const [length, read] of reads) {
      for (let have = 0; have < length; have += 1)
        expect(() => read(new Reader(new Uint8Array(have), 't'))).toThrow(malformed);
      read(new Reader(new Uint8Array(length), 't'));
    }
  });

  it('gives items of one length, views of one copy', () => {
    const message = Uint8Array.of(0, 2, 1, 2, 3, 4);
    const items = new Reader(message, 't').items(9, 2, 'x');
    message.fill(9);
    expect(items).toEqual([Uint8Array.of(1, 2), Uint8Array.of(3, 4)]);
    expect(items[0]?.buffer).toBe(items[1]?.buffer);
    expect(new Reader(Uint8Array.of(0, 0), 't').items(9, 2, 'x')).toEqual([]);
  });

  it('refuses a length above its maximum, or above what is left, before it allocates', () => {
    const huge = new Writer().uint32(0xffffffff).finish();
    expect(() => new Reader(huge, 't').opaque(2 ** 28, 'x')).toThrow(malformed);
    expect(() => new Reader(huge, 't').opaque(2 ** 32, 'x')).toThrow(malformed);
    expect(() => new Reader(huge, 't').vector(2 ** 32, 1, 'x', () => 0)).toThrow(malformed);
    expect(() => new Reader(Uint8Array.of(0, 5, 1, 2, 3, 4), 't').opaque(100, 'x')).toThrow(malformed);
    expect(() => new Reader(Uint8Array.of(0, 3, 1, 2, 3, 4), 't').opaque(2, 'x')).toThrow(malformed);
    expect(() => new Reader(Uint8Array.of(0, 3, 1, 2, 3, 4, 5), 't').vector(9, 2, 'x', (r) => r.uint16('x'))).toThrow(
      malformed,
    );
    expect(() => new Reader(Uint8Array.of(0, 3, 1, 2, 3, 4, 5), 't').items(9, 2, 'x')).toThrow(malformed);
    expect(() => new Reader(Uint8Array.of(0, 3, 1, 2, 3, 4, 5, 6), 't').items(2, 2, 'x')).toThrow(malformed);
    expect(() => new Reader(huge, 't').items(2 ** 32, 2 ** 20, 'x')).toThrow(malformed);
  });

  it("refuses a 64-bit number that a double can't hold", () => {
    const largest = new Writer().uint64(Number.MAX_SAFE_INTEGER).finish();
    expect(new Reader(largest, 't').uint64('x')).toBe(Number.MAX_SAFE_INTEGER);
    expect(() => new Reader(Uint8Array.of(0, 32, 0, 0, 0, 0, 0, 0), 't').uint64('x')).toThrow(malformed);
    expect(() => new Reader(new Uint8Array(8).fill(0xff), 't').uint64('x')).toThrow(malformed);
  });

  it('refuses bytes after the end, and names the message and the field', () => {
    const reader = new Reader(Uint8Array.of(1, 2), 'roster');
    reader.uint8('x');
    expect(() => reader.end()).toThrow('roster: end has 1 bytes too many');
    expect(() => reader.uint16('degree')).toThrow('roster: degree needs 2 bytes, the message has 1 left');
  });

  it('gives copies from `bytes`, also of a Node Buffer, and views from `view`', () => {
    for (const message of [Uint8Array.of(1, 2, 3), Buffer.from([1, 2, 3])]) {
      const copy = new Reader(message, 't').bytes(2, 'x');
      const view = new Reader(message, 't').view(2, 'x');
      message[0] = 9;
      expect([...copy]).toEqual([1, 2]);
      expect(copy.constructor).toBe(Uint8Array);
      expect([...view]).toEqual([9, 2]);
    }
  });

  it('reads from the middle of a larger buffer', () => {
    const inner = Uint8Array.of(9, 9, 0, 1, 7, 9).subarray(2, 5);
    const reader = new Reader(inner, 't');
    expect([reader.uint16('x'), reader.uint8('y'), reader.remaining]).toEqual([1, 7, 0]);
  });

  it('is total: any bytes give a value or a PeerError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.array(fc.integer({ min: 0, max: 7 })), (bytes, fields) => {
        const reader = new Reader(bytes, 'fuzz');
        try {
          for (const field of fields) {
            if (field === 0) reader.uint8('f');
            else if (field === 1) reader.uint16('f');
            else if (field === 2) reader.uint32('f');
            else if (field === 3) reader.uint64('f');
            else if (field === 4) reader.opaque(50, 'f');
            else if (field === 5) reader.opaque(0x10000, 'f');
            else if (field === 6) reader.items(20, 3, 'f');
            else reader.vector(20, 3, 'f', (item) => item.bytes(3, 'f'));
          }
          reader.end();
        } catch (error) {
          expect(error).toBeInstanceOf(PeerError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe('Writer', () => {
  it('holds values out of range for a bug', () => {
    const bad: readonly ((writer: Writer) => unknown)[] = [
      (w) => w.uint8(256),
      (w) => w.uint8(-1),
      (w) => w.uint16(65_536),
      (w) => w.uint32(2 ** 32),
      (w) => w.uint64(2 ** 53),
      (w) => w.uint8(0.5),
      (w) => w.uint8(Number.NaN),
      (w) => w.bytes(new Uint8Array(3), 4),
      (w) => w.opaque(new Uint8Array(11), 10),
      (w) => w.count(11, 10),
      (w) => w.vector([1, 2], 1, (writer, item) => writer.uint8(item)),
    ];
    for (const write of bad) {
      expect(() => write(new Writer())).toThrow(encode);
      expect(() => write(new Writer())).toThrow(InternalError);
    }
  });

  it('grows from any capacity and copies what it gives', () => {
    for (const capacity of [0, 1, 7]) {
      const writer = new Writer(capacity);
      for (let i = 0; i < 300; i += 1) writer.uint16(i);
      const first = writer.finish();
      expect(first.length).toBe(600);
      writer.uint8(1);
      expect(first.length).toBe(600);
      first.fill(0xff);
      expect(writer.finish()[1]).toBe(0);
    }
  });
});

describe('decodeText', () => {
  it('is the inverse of UTF-8 and refuses the rest', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 12 }), (bytes) => {
        const valid = Buffer.from(Buffer.from(bytes).toString('utf8'), 'utf8').equals(bytes);
        if (valid) expect(utf8(decodeText(bytes))).toEqual(bytes);
        else
          expect(() => decodeText(bytes)).toThrowError(
            expect.objectContaining({ name: 'PeerError', code: 'codec.malformed' }),
          );
      }),
      { numRuns: 1000 },
    );
  });
});
