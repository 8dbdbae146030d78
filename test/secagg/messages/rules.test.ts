/** What single messages refuse or promise beside their shape, which `messages.test.ts` covers. */
import { describe, expect, it } from 'vitest';
import { concatBytes, toHex, utf8 } from '../../../src/core/bytes.js';
import { InternalError, PeerError } from '../../../src/core/errors.js';
import { decodeAbort, encodeAbort } from '../../../src/secagg/messages/abort.js';
import { advertisementBytes, advertisementLength, encodeAdvertise } from '../../../src/secagg/messages/advertise.js';
import { encodeConfirm } from '../../../src/secagg/messages/confirm.js';
import { decodeDelivery } from '../../../src/secagg/messages/delivery.js';
import { messageName, messageTypes } from '../../../src/secagg/messages/envelope.js';
import { decodeHello, encodeHello } from '../../../src/secagg/messages/hello.js';
import { decodeInput, encodeInput } from '../../../src/secagg/messages/input.js';
import { decodeOffer } from '../../../src/secagg/messages/offer.js';
import { decodeOutcome, encodeOutcome } from '../../../src/secagg/messages/outcome.js';
import { encodeRoster } from '../../../src/secagg/messages/roster.js';
import { decodeShare, encodeShare, sealedLength, sharesLength } from '../../../src/secagg/messages/share.js';
import { encodeSurvivors } from '../../../src/secagg/messages/survivors.js';
import { decodeUnmask, encodeUnmask } from '../../../src/secagg/messages/unmask.js';
import { cases, tag } from './cases.js';

function codeOf(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    if (error instanceof PeerError) return error.code;
    throw error;
  }
  return 'accepted';
}

/** The bytes of a sample with those from `at` on replaced. */
function put(message: Uint8Array, at: number, ...bytes: readonly number[]): Uint8Array {
  const copy = message.slice();
  copy.set(bytes, at);
  return copy;
}

const body = 17;
const certificate = { identityKey: new Uint8Array(32), validUntil: 0, signature: new Uint8Array(64) };
const advertisement = {
  certificate,
  channelKey: new Uint8Array(32).fill(1),
  maskKey: new Uint8Array(32).fill(2),
  signature: new Uint8Array(64).fill(3),
};

describe('envelope', () => {
  it('numbers the messages as the wire has them', () => {
    expect(Object.values(messageTypes)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14]);
    for (const { name, sample } of cases) expect(messageName(sample)).toBe(name);
  });

  it('knows no other type', () => {
    for (let type = 0; type < 256; type += 1)
      expect(codeOf(() => messageName(Uint8Array.of(type)))).toBe(type >= 1 && type <= 14 ? 'accepted' : 'codec.type');
    expect(codeOf(() => messageName(new Uint8Array()))).toBe('codec.type');
  });

  it('writes no tag of another length: that is a bug, not a peer', () => {
    for (const length of [0, 15, 17])
      expect(() => encodeConfirm(new Uint8Array(length), new Uint8Array(64))).toThrow(InternalError);
  });
});

describe('hello', () => {
  it('has known bytes', () => {
    expect(toHex(encodeHello({ task: 'ab' }))).toBe('01000100026162');
  });

  it('names both versions where they differ, before it reads on', () => {
    for (const version of [0, 2, 0xffff]) {
      const message = Uint8Array.of(1, version >>> 8, version & 255, 255, 255);
      expect(codeOf(() => decodeHello(message))).toBe('context.version');
    }
  });

  it.each([
    ['a lone continuation', [0x80]],
    ['an overlong slash', [0xc0, 0xaf]],
    ['a surrogate', [0xed, 0xa0, 0x80]],
    ['a cut character', [0xe2, 0x82]],
    ['a value above U+10FFFF', [0xf4, 0x90, 0x80, 0x80]],
  ])('refuses a task with %s, which is not UTF-8', (_, bytes) => {
    const message = Uint8Array.of(1, 0, 1, 0, bytes.length, ...bytes);
    expect(codeOf(() => decodeHello(message))).toBe('codec.malformed');
  });

  it('keeps a byte order mark, so that two texts never become one', () => {
    expect(decodeHello(encodeHello({ task: '\ufeffab' }))).toEqual({ task: '\ufeffab' });
  });

  it('writes no task longer than it may be', () => {
    expect(decodeHello(encodeHello({ task: 'x'.repeat(255) })).task).toHaveLength(255);
    expect(() => encodeHello({ task: 'x'.repeat(256) })).toThrow(InternalError);
  });
});

describe('offer', () => {
  const sample = cases.find(({ name }) => name === 'offer')?.sample ?? new Uint8Array();

  it.each([
    ['another version', 3, [0, 2], 'context.version'],
    ['an unknown suite', 5, [0, 3], 'context.suite'],
    ['an unknown threat', 7, [2], 'context.range'],
    ['no values at all', 3 + 7 + 6 + 100, [0, 0, 0, 0], 'context.range'],
    ['a ring of 0 bits', 3 + 7 + 6 + 104, [0], 'context.range'],
    ['a ring of 33 bits', 3 + 7 + 6 + 104, [33], 'context.range'],
    ['room for one client', 3 + 7 + 6 + 105, [0, 0, 0, 1], 'context.range'],
  ])('refuses a context with %s', (_, at, bytes, code) => {
    expect(codeOf(() => decodeOffer(put(sample, at, ...bytes)))).toBe(code);
  });
});

describe('advertise', () => {
  it('is the advertisement behind type and tag', () => {
    expect(advertisementBytes(advertisement)).toHaveLength(advertisementLength);
    expect(encodeAdvertise(tag, advertisement)).toEqual(
      concatBytes(Uint8Array.of(3), tag, advertisementBytes(advertisement)),
    );
  });

  it('starts with the certificate: key, date, signature', () => {
    const bytes = advertisementBytes({
      ...advertisement,
      certificate: { identityKey: new Uint8Array(32).fill(8), validUntil: 258, signature: new Uint8Array(64).fill(9) },
    });
    expect(toHex(bytes)).toBe(
      ['08'.repeat(32), '0000000000000102', '09'.repeat(64), '01'.repeat(32), '02'.repeat(32), '03'.repeat(64)].join(
        '',
      ),
    );
  });

  it('refuses a date that a double would round', () => {
    const message = encodeAdvertise(tag, advertisement);
    expect(codeOf(() => cases[2]?.decode(put(message, body + 32, 0, 0x20, 0, 0, 0, 0, 0, 0)))).toBe('codec.malformed');
    expect(codeOf(() => cases[2]?.decode(put(message, body + 32, 0, 0x1f, 255, 255, 255, 255, 255, 255)))).toBe(
      'accepted',
    );
  });

  it('writes no key of another length', () => {
    for (const length of [0, 31, 33])
      expect(() => encodeAdvertise(tag, { ...advertisement, maskKey: new Uint8Array(length) })).toThrow(InternalError);
  });
});

describe('roster', () => {
  it('holds the very bytes of an advertisement, also the second time', () => {
    const message = {
      parameters: { n: 2, degree: 1, threshold: 1 },
      root: new Uint8Array(32),
      identities: new Uint8Array(64),
      proof: [],
    };
    const entries = [0, 1].map((index) => ({ index, advertisement }));
    const bytes = encodeRoster(tag, { ...message, entries });
    expect(encodeRoster(tag, { ...message, entries })).toEqual(bytes);
    for (const i of [0, 1]) {
      const start = body + 48 + 64 + i * (4 + advertisementLength) + 4;
      expect(bytes.slice(start, start + advertisementLength)).toEqual(advertisementBytes(advertisement));
    }
  });
});

describe('share and delivery', () => {
  it('seal two seeds and each application seed, with a tag of 16 bytes', () => {
    expect([0, 1, 16].map(sharesLength)).toEqual([64, 96, 576]);
    expect([0, 1, 16].map(sealedLength)).toEqual([80, 112, 592]);
  });

  it('are refused where the session has another number of application seeds', () => {
    const share = cases[4]?.sample ?? new Uint8Array();
    const delivery = cases[5]?.sample ?? new Uint8Array();
    for (const seeds of [0, 1, 3, 16]) {
      expect(codeOf(() => decodeShare(tag, share, seeds))).toBe('codec.malformed');
      expect(codeOf(() => decodeDelivery(tag, delivery, seeds))).toBe('codec.malformed');
    }
    expect(codeOf(() => decodeShare(tag, share, 2))).toBe('accepted');
    expect(codeOf(() => decodeDelivery(tag, delivery, 2))).toBe('accepted');
  });

  it('write no commitment of another length', () => {
    expect(() => encodeShare(tag, { commitments: [new Uint8Array(31)], sealed: [] })).toThrow(InternalError);
  });
});

describe('input', () => {
  it('takes a whole chunk of 65,536 bytes, and shares it with the message', () => {
    const message = encodeInput(tag, { offset: 5, data: new Uint8Array(65_536).fill(7) });
    const { offset, data } = decodeInput(tag, message);
    expect([offset, data.length]).toEqual([5, 65_536]);
    message.fill(9);
    expect(new Set(data)).toEqual(new Set([9]));
  });

  it('writes no longer one', () => {
    expect(() => encodeInput(tag, { offset: 0, data: new Uint8Array(65_537) })).toThrow(InternalError);
  });
});

describe('survivors', () => {
  it('has room for 2^20 clients and no more', () => {
    expect(encodeSurvivors(tag, new Uint8Array(2 ** 17))).toHaveLength(body + 4 + 2 ** 17);
    expect(() => encodeSurvivors(tag, new Uint8Array(2 ** 17 + 1))).toThrow(InternalError);
  });
});

describe('unmask', () => {
  it('knows three kinds of reveal', () => {
    const message = encodeUnmask(tag, [{ owner: 1, kind: 'nothing', shares: new Uint8Array() }]);
    const kindAt = body + 4 + 4;
    const kinds = [0, 1, 2].map((kind) => decodeUnmask(tag, put(message, kindAt, kind))[0]?.kind);
    expect(kinds).toEqual(['nothing', 'self-mask', 'mask']);
    for (let kind = 3; kind < 256; kind += 1)
      expect(codeOf(() => decodeUnmask(tag, put(message, kindAt, kind)))).toBe('codec.malformed');
  });
});

describe('outcome', () => {
  it('knows yes and no as 1 and 0 only', () => {
    const message = encodeOutcome(tag, { survived: true, survivors: 3 });
    expect(message[body]).toBe(1);
    expect(decodeOutcome(tag, put(message, body, 0))).toEqual({ survived: false, survivors: 3 });
    for (let byte = 2; byte < 256; byte += 1)
      expect(codeOf(() => decodeOutcome(tag, put(message, body, byte)))).toBe('codec.malformed');
  });
});

describe('abort', () => {
  it('refuses a code with any character but a-z, digits, dots and dashes, and an empty one', () => {
    const message = encodeAbort(tag, { code: 'a', reason: '' });
    for (let byte = 0; byte < 256; byte += 1) {
      const lawful = /[a-z0-9.-]/.test(String.fromCharCode(byte));
      expect(codeOf(() => decodeAbort(tag, put(message, body + 2, byte)))).toBe(
        lawful ? 'accepted' : 'codec.malformed',
      );
    }
    expect(codeOf(() => decodeAbort(tag, encodeAbort(tag, { code: '', reason: '' })))).toBe('codec.malformed');
    // `$` alone would let a line feed pass at the end.
    expect(codeOf(() => decodeAbort(tag, encodeAbort(tag, { code: 'a\n', reason: '' })))).toBe('codec.malformed');
  });

  it.each([
    ['ASCII', 'x'.repeat(501)],
    ['characters of three bytes', '€'.repeat(400)],
    ['characters of four bytes, cut in their middle', `a${'😀'.repeat(300)}`],
    ['much text', 'é'.repeat(100_000)],
  ])('cuts a reason of %s to what the receiver takes', (_, reason) => {
    const decoded = decodeAbort(tag, encodeAbort(tag, { code: 'a.b', reason }));
    expect(utf8(decoded.reason).length).toBeLessThanOrEqual(500);
    expect(decoded.reason.length).toBeGreaterThanOrEqual(100);
    expect(reason.startsWith(decoded.reason.slice(0, 100))).toBe(true);
  });

  it('keeps a reason of just 500 bytes whole', () => {
    const reason = 'é'.repeat(250);
    expect(decodeAbort(tag, encodeAbort(tag, { code: 'a.b', reason }))).toEqual({ code: 'a.b', reason });
  });
});
