import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatBytes, fromHex, toHex } from '../../src/core/bytes.js';
import { PeerError, UsageError } from '../../src/core/errors.js';
import {
  checkContext,
  contextHash,
  decodeContext,
  encodeContext,
  frozenHash,
  protocolVersion,
  type SessionContext,
  tagLength,
} from '../../src/secagg/context.js';
import { contexts } from './messages/cases.js';

const context: SessionContext = {
  suite: 2,
  threat: 'malicious',
  task: 'té',
  round: 0x01020304,
  session: new Uint8Array(32).fill(0x11),
  planHash: new Uint8Array(32).fill(0x22),
  modelHash: new Uint8Array(32).fill(0x33),
  vectorLength: 0x05060708,
  ringBits: 20,
  maxClients: 0x0a0b,
  authority: new Uint8Array(32).fill(0x44),
  serverKey: new Uint8Array(32).fill(0x55),
  releaseAt: [5, 0x10000],
};

/** One other lawful value of each field. */
const others: SessionContext = {
  suite: 1,
  threat: 'semi-honest',
  task: 'tè',
  round: 0,
  session: new Uint8Array(32),
  planHash: new Uint8Array(32),
  modelHash: new Uint8Array(32),
  vectorLength: 1,
  ringBits: 21,
  maxClients: 0x0a0c,
  authority: new Uint8Array(32),
  serverKey: new Uint8Array(32).fill(9),
  releaseAt: [5],
};
/** X25519 keys that are none: of low order, an alias above p, the high bit set. */
const badKeys = [
  new Uint8Array(32),
  new Uint8Array(32).fill(1, 0, 1),
  fromHex('e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800'),
  fromHex(`ed${'ff'.repeat(30)}7f`),
  new Uint8Array(32).fill(9).fill(0x80, 31),
];
const fields = Object.keys(context) as (keyof SessionContext)[];

function codeOf(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    if (error instanceof PeerError) return error.code;
    throw error;
  }
  return 'accepted';
}

describe('encodeContext', () => {
  it('has known bytes', () => {
    expect(toHex(encodeContext(context))).toBe(
      [
        '0001', // version
        '0002', // suite
        '01', // threat
        '000374c3a9', // task
        '01020304', // round
        '11'.repeat(32),
        '22'.repeat(32),
        '33'.repeat(32),
        '05060708', // vector length
        '14', // ring bits
        '00000a0b', // most clients
        '44'.repeat(32),
        '55'.repeat(32),
        '00020000000500010000', // releaseAt
      ].join(''),
    );
  });
});

describe('decodeContext', () => {
  it('gives back what was encoded', () => {
    fc.assert(
      fc.property(contexts, (value) => {
        expect(decodeContext(encodeContext(value))).toEqual(value);
      }),
    );
  });

  it('refuses every truncation and any extension', () => {
    const bytes = encodeContext(context);
    for (let length = 0; length < bytes.length; length += 1)
      expect(codeOf(() => decodeContext(bytes.subarray(0, length)))).toBe('codec.malformed');
    expect(codeOf(() => decodeContext(concatBytes(bytes, new Uint8Array(1))))).toBe('codec.malformed');
  });

  it('takes no byte changed for the same context', () => {
    const bytes = encodeContext(context);
    for (let at = 0; at < bytes.length; at += 1)
      for (const change of [1, 0x80, 0xff]) {
        const changed = bytes.map((byte, i) => (i === at ? byte ^ change : byte));
        let decoded: SessionContext | undefined;
        const code = codeOf(() => {
          decoded = decodeContext(changed);
        });
        if (code === 'accepted') expect(decoded).not.toEqual(context);
        else expect(code).toMatch(/^(codec\.malformed|context\.(version|suite|range))$/);
      }
  });

  it.each<[string, Partial<SessionContext>]>([
    ['an empty task', { task: '' }],
    ['no values', { vectorLength: 0 }],
    ['too many values', { vectorLength: 2 ** 28 + 1 }],
    ['a ring of 0 bits', { ringBits: 0 }],
    ['a ring of 33 bits', { ringBits: 33 }],
    ['room for one client', { maxClients: 1 }],
    ['room for too many clients', { maxClients: 2 ** 20 + 1 }],
    ['a server key of low order', { serverKey: new Uint8Array(32) }],
    ['a server key above p', { serverKey: new Uint8Array(32).fill(0xff) }],
    ['a release that nobody reaches', { releaseAt: [2 ** 20 + 1] }],
  ])("refuses %s as the peer's fault", (_, fault) => {
    // The encoder trusts its caller; a hostile server doesn't use it.
    expect(codeOf(() => decodeContext(encodeContext({ ...context, ...fault })))).toBe('context.range');
  });

  it('names the version and the suite that it does not speak', () => {
    const bytes = encodeContext(context);
    const put = (at: number, value: number): Uint8Array => bytes.map((byte, i) => (i === at ? value : byte));
    expect(protocolVersion).toBe(1);
    expect(() => decodeContext(put(1, 2))).toThrowError(expect.objectContaining({ code: 'context.version' }));
    expect(() => decodeContext(put(1, 2))).toThrow('version 2');
    expect(() => decodeContext(put(3, 3))).toThrowError(expect.objectContaining({ code: 'context.suite' }));
    expect(() => decodeContext(put(3, 0))).toThrow('suite 0');
    expect(codeOf(() => decodeContext(put(4, 2)))).toBe('context.range');
  });
});

describe('checkContext', () => {
  it('returns the very context, at the bounds of each range', () => {
    const least = { ...context, task: 'x', round: 0, vectorLength: 1, ringBits: 1, maxClients: 2, releaseAt: [] };
    const most = {
      ...context,
      task: 'é'.repeat(127),
      round: 2 ** 32 - 1,
      vectorLength: 2 ** 28,
      ringBits: 32,
      maxClients: 2 ** 20,
      releaseAt: Array<number>(16).fill(2 ** 20),
    };
    for (const value of [context, least, most]) expect(checkContext(value)).toBe(value);
  });

  it.each<[keyof SessionContext, string, readonly unknown[]]>([
    ['suite', 'usage.choice', [undefined, 0, 3, '1']],
    ['threat', 'usage.choice', [undefined, 'honest', 1, null]],
    ['task', 'usage.task', [undefined, '', 7, 'x'.repeat(256), 'é'.repeat(128), new Uint8Array(3)]],
    ['round', 'usage.range', [undefined, -1, 0.5, 2 ** 32, '0', Number.NaN]],
    ['session', 'usage.bytes', [undefined, 'x'.repeat(32), new Uint8Array(31), new Uint8Array(33), Array(32).fill(0)]],
    ['planHash', 'usage.bytes', [undefined, new Uint8Array(), new Uint8Array(33), new Uint16Array(32)]],
    ['modelHash', 'usage.bytes', [undefined, new Uint8Array(), new Uint8Array(33), new Uint16Array(32)]],
    ['vectorLength', 'usage.range', [undefined, 0, 2 ** 28 + 1, 1.5, 10n]],
    ['ringBits', 'usage.range', [undefined, 0, 33, -1, Infinity]],
    ['maxClients', 'usage.range', [undefined, 1, 2 ** 20 + 1]],
    ['authority', 'usage.bytes', [undefined, new Uint8Array(31), new Uint8Array(33), {}]],
    ['serverKey', 'usage.bytes', [undefined, new Uint8Array(31), new Uint8Array(33), 'key']],
    ['serverKey', 'usage.key', badKeys],
    ['releaseAt', 'usage.array', [undefined, null, 5, 'none', new Uint32Array(1), { length: 0 }]],
    ['releaseAt', 'usage.range', [Array(17).fill(1), [-1], [2 ** 20 + 1], [1.5], ['1'], [undefined]]],
  ])('refuses %s out of form with %s', (field, code, values) => {
    for (const value of values) {
      const call = (): unknown => checkContext({ ...context, [field]: value });
      expect(call).toThrow(UsageError);
      expect(call).toThrowError(expect.objectContaining({ code, message: expect.stringContaining(field) }));
    }
  });

  it.each([undefined, null, 'context', 5])('refuses %s in place of a context', (value) => {
    // A caller in JavaScript can pass anything.
    expect(() => checkContext(value as unknown as SessionContext)).toThrowError(
      expect.objectContaining({ code: 'usage.options' }),
    );
  });
});

describe('contextHash', () => {
  it('is the labelled SHA-256 of the encoding', () => {
    const expected = createHash('sha256').update('\x11veilsum/1 session').update(encodeContext(context)).digest('hex');
    expect(toHex(contextHash(context))).toBe(expected);
    expect(tagLength).toBe(16);
  });

  it.each(fields)('changes with %s', (field) => {
    expect(toHex(contextHash({ ...context, [field]: others[field] }))).not.toBe(toHex(contextHash(context)));
  });
});

describe('frozenHash', () => {
  const hash = contextHash(context);
  const root = new Uint8Array(32).fill(5);
  const parameters = { n: 300, degree: 20, threshold: 11 };

  it('is the labelled SHA-256 of context, root and parameters', () => {
    const expected = createHash('sha256')
      .update('\x18veilsum/1 frozen session')
      .update(hash)
      .update(root)
      .update(Buffer.from('0000012c000000140000000b', 'hex'))
      .digest('hex');
    expect(toHex(frozenHash(hash, root, parameters))).toBe(expected);
  });

  it('changes with each of them', () => {
    const hashes = [
      frozenHash(hash, root, parameters),
      frozenHash(root, hash, parameters),
      frozenHash(new Uint8Array(32), root, parameters),
      frozenHash(hash, new Uint8Array(32), parameters),
      frozenHash(hash, root, { ...parameters, n: 301 }),
      frozenHash(hash, root, { ...parameters, degree: 22 }),
      frozenHash(hash, root, { ...parameters, threshold: 12 }),
      frozenHash(hash, root, { n: 300, degree: 11, threshold: 20 }),
    ].map(toHex);
    expect(new Set(hashes).size).toBe(hashes.length);
  });
});
