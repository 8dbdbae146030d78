import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatBytes, toHex } from '../../../src/core/bytes.js';
import { PeerError } from '../../../src/core/errors.js';
import { tagLength } from '../../../src/secagg/context.js';
import { messageTypes } from '../../../src/secagg/messages/envelope.js';
import { cases, type LengthField, type MessageCase, tag } from './cases.js';

/** What a decoder throws, as code and message; anything but a `PeerError` fails the test. */
function refusal(decode: () => unknown): string {
  try {
    decode();
  } catch (error) {
    if (error instanceof PeerError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'accepted';
}

function withByte(message: Uint8Array, at: number, change: (byte: number) => number): Uint8Array {
  return message.map((byte, i) => (i === at ? change(byte) : byte));
}

function withLength(message: Uint8Array, { offset, width }: LengthField, value: number): Uint8Array {
  const copy = message.slice();
  const view = new DataView(copy.buffer);
  if (width === 2) view.setUint16(offset, value);
  else view.setUint32(offset, value);
  return copy;
}

function lengthOf(message: Uint8Array, { offset, width }: LengthField): number {
  const view = new DataView(message.buffer, message.byteOffset);
  return width === 2 ? view.getUint16(offset) : view.getUint32(offset);
}

it('has a case for every message of the protocol', () => {
  expect(cases.map(({ name }) => name)).toEqual(Object.keys(messageTypes));
});

describe.each(cases)('$name', ({ name, tagged, messages, sample, decode, rewrite }) => {
  it('decodes to what was encoded, and that encodes to the same bytes', () => {
    fc.assert(
      fc.property(messages, ({ value, bytes }) => {
        expect(decode(bytes)).toEqual(value);
        expect(toHex(rewrite(bytes))).toBe(toHex(bytes));
      }),
    );
  });

  it('starts with its type, and with the tag where it belongs to a session', () => {
    expect(sample[0]).toBe(messageTypes[name]);
    expect(toHex(sample.subarray(1, 1 + tagLength)) === toHex(tag)).toBe(tagged);
  });

  it('reads the same from the middle of a larger buffer', () => {
    const around = concatBytes(new Uint8Array(7).fill(9), sample, new Uint8Array(9).fill(9));
    const expected = decode(sample);
    expect(decode(around.subarray(7, 7 + sample.length))).toEqual(expected);
  });

  it('is refused at every truncation', () => {
    fc.assert(
      fc.property(messages, ({ bytes }) => {
        for (let length = 0; length < bytes.length; length += 1) {
          const refused = refusal(() => decode(bytes.subarray(0, length)));
          expect(refused).toMatch(length === 0 ? /^codec\.type: the message is empty/ : /^codec\.malformed: /);
        }
      }),
      { numRuns: 10 },
    );
  });

  it('is refused with anything after it', () => {
    fc.assert(
      fc.property(messages, fc.uint8Array({ minLength: 1, maxLength: 300 }), ({ bytes }, extra) => {
        expect(refusal(() => decode(concatBytes(bytes, extra)))).toMatch(
          /^codec\.malformed: .*: end has \d+ bytes too many$/,
        );
        expect(refusal(() => decode(concatBytes(bytes, bytes)))).toMatch(/^codec\.malformed: /);
      }),
    );
  });

  it('is refused under every other type', () => {
    for (let type = 0; type < 256; type += 1) {
      if (type === messageTypes[name]) continue;
      expect(refusal(() => decode(withByte(sample, 0, () => type)))).toMatch(/^codec\.type: /);
    }
  });
});

describe.each(cases.filter(({ tagged }) => tagged))('$name', ({ sample, decode }) => {
  it('is refused under a tag with any bit flipped, before its body is read', () => {
    for (let bit = 0; bit < 8 * tagLength; bit += 1) {
      const message = withByte(sample, 1 + (bit >>> 3), (byte) => byte ^ (1 << (bit & 7)));
      expect(refusal(() => decode(message))).toMatch(/^session\.mismatch: /);
      expect(refusal(() => decode(message.subarray(0, 1 + tagLength)))).toMatch(/^session\.mismatch: /);
    }
    expect(refusal(() => decode(sample, new Uint8Array(tagLength)))).toMatch(/^session\.mismatch: /);
    expect(refusal(() => decode(sample, tag.subarray(1)))).toMatch(/^session\.mismatch: /);
  });
});

describe.each(cases.filter(({ tagged }) => !tagged))('$name', ({ sample, decode }) => {
  it('is read without a tag, since there is no session yet', () => {
    expect(decode(sample, new Uint8Array())).toEqual(decode(sample));
  });
});

describe.each(cases.filter(({ lengths }) => lengths.length > 0))('$name', ({ sample, lengths, decode }) => {
  it('is refused with any length above its maximum, whatever follows', () => {
    for (const field of lengths) {
      const largest = field.width === 2 ? 0xffff : 0xffffffff;
      const room = concatBytes(sample, new Uint8Array(70_000));
      for (const value of [field.maximum + 1, 2 * field.maximum + 1, largest])
        for (const message of [sample, room])
          expect(refusal(() => decode(withLength(message, field, value)))).toMatch(
            new RegExp(
              `^codec\\.malformed: .*: ${field.field} has ${value} elements, at most ${field.maximum} are allowed$`,
            ),
          );
    }
  });

  it('is refused with any other length that its bytes do not bear out', () => {
    for (const field of lengths) {
      const actual = lengthOf(sample, field);
      for (const value of new Set([0, actual - 1, actual + 1, 2 * actual + 1, field.maximum]))
        if (value !== actual && value >= 0)
          expect(refusal(() => decode(withLength(sample, field, value)))).toMatch(
            /^(codec\.malformed|context\.range): /,
          );
    }
  });
});

// Chunks of input are views by design: they are copied into the upload at once.
describe.each(cases.filter(({ name }) => name !== 'input'))('$name', ({ sample, decode }) => {
  it('has fields of its own, which do not keep the message alive nor change with it', () => {
    const message = Buffer.from(sample);
    const value = decode(message);
    message.fill(0);
    // A field that had become a Buffer would not be equal to plain bytes.
    expect(value).toEqual(decode(sample));
  });
});

describe('decoders', () => {
  /** xorshift32: fast, and the same numbers in every run. */
  function generator(seed: number): () => number {
    let state = seed;
    return () => {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      return state >>> 0;
    };
  }

  /**
   * 0 what is random throughout, 1 random after the right type and tag, 2 and 3 a sample with some bytes changed, cut
   * or grown.
   */
  function hostile({ name, tagged, sample }: MessageCase, next: () => number, kind: number): Uint8Array {
    const random = (length: number): Uint8Array => Uint8Array.from({ length }, () => next());
    if (kind === 0) return random(next() % 100);
    if (kind === 1) {
      const start = Uint8Array.of(messageTypes[name]);
      // Many zeros, so that lengths are often small enough to go on.
      const rest = random(next() % 300).map((byte) => (byte & 3 ? 0 : next()));
      return tagged ? concatBytes(start, tag, rest) : concatBytes(start, rest);
    }
    const message = sample.slice(0, next() % 4 === 0 ? next() % sample.length : sample.length);
    const first = tagged ? 1 + tagLength : 1;
    for (let i = next() % 4; i >= 0; i -= 1)
      if (message.length > first) message[first + (next() % (message.length - first))] = next() % 3 ? next() : 0;
    return next() % 8 === 0 ? concatBytes(message, random(next() % 40)) : message;
  }

  it('throw PeerErrors only in a million random messages, and what they accept has no second encoding', () => {
    const prototypes = [Object.prototype, Array.prototype, Uint8Array.prototype];
    const before = prototypes.map((prototype) => Reflect.ownKeys(prototype).length);
    let largest = 0;
    const next = generator(0x5eed);
    const accepted = new Map<string, number>();
    const refused = new Map<string, number>();
    const count = (counts: Map<string, number>, key: string): void => {
      counts.set(key, (counts.get(key) ?? 0) + 1);
    };
    for (let i = 0; i < 1_000_000; i += 1) {
      const message = cases[i % cases.length];
      if (message === undefined) throw new Error('no such case');
      const bytes = hostile(message, next, (i / cases.length) & 3);
      // `refusal` throws on any other error.
      const why = refusal(() => message.decode(bytes));
      if (i % 1000 === 0) largest = Math.max(largest, process.memoryUsage().arrayBuffers);
      if (why === 'accepted') {
        if (toHex(message.rewrite(bytes)) !== toHex(bytes)) throw new Error(`${message.name} has two encodings`);
        count(accepted, message.name);
      } else count(refused, why.slice(0, why.indexOf(':')));
    }
    // No message made anybody reserve room for what it only claims to hold, nor touched what all objects inherit.
    expect(largest).toBeLessThan(256 * 2 ** 20);
    expect(prototypes.map((prototype) => Reflect.ownKeys(prototype).length)).toEqual(before);
    // Else the messages were too random to test anything but the first check.
    expect([...accepted.keys()].sort()).toEqual(cases.map(({ name }) => name).sort());
    expect([...refused.keys()].sort()).toEqual(
      ['codec.malformed', 'codec.type', 'context.range', 'context.suite', 'context.version', 'session.mismatch'].sort(),
    );
  }, 300_000);
});
