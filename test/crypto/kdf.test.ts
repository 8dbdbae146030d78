import { createHash, hkdfSync } from 'node:crypto';
import { hkdf } from '@noble/hashes/hkdf.js';
import { sha256 } from '@noble/hashes/sha2.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatBytes, fromHex, toHex } from '../../src/core/bytes.js';
import { deriveKey, labelledHash } from '../../src/crypto/kdf.js';
import { type Label, labelled, labels, uint32 } from '../../src/crypto/labels.js';

const range = (first: number, last: number): Uint8Array =>
  Uint8Array.from({ length: last - first + 1 }, (_, i) => first + i);

/** RFC 5869 appendix A, the three with SHA-256. */
const rfc5869: readonly (readonly [Uint8Array, Uint8Array, Uint8Array, string])[] = [
  [
    new Uint8Array(22).fill(0x0b),
    range(0, 12),
    range(0xf0, 0xf9),
    '3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865',
  ],
  [
    range(0, 0x4f),
    range(0x60, 0xaf),
    range(0xb0, 0xff),
    'b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87',
  ],
  [
    new Uint8Array(22).fill(0x0b),
    new Uint8Array(),
    new Uint8Array(),
    '8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8',
  ],
];

const anyLabel = fc.constantFrom<Label>(...Object.values(labels));
const bytes = fc.uint8Array({ maxLength: 100 });

describe('HKDF-SHA-256', () => {
  it.each(rfc5869)('gives the known answers of RFC 5869', (secret, salt, info, okm) => {
    expect(toHex(hkdf(sha256, secret, salt, info, okm.length / 2))).toBe(okm);
  });
});

describe('deriveKey', () => {
  it('is HKDF whose info is the label and the parts, as another implementation has it', () => {
    fc.assert(
      fc.property(
        bytes,
        bytes,
        anyLabel,
        fc.array(bytes, { maxLength: 3 }),
        fc.integer({ min: 1, max: 200 }),
        (secret, salt, label, info, length) => {
          const expected = hkdfSync('sha256', secret, salt, labelled(label, ...info), length);
          expect(deriveKey({ secret, salt, label, info, length })).toEqual(new Uint8Array(expected));
        },
      ),
    );
  });

  it('known answers, pinned', () => {
    const input = { secret: range(0, 31), salt: range(32, 63), label: labels.channel } as const;
    const info = concatBytes(
      Uint8Array.of(17),
      Buffer.from('veilsum/1 channel'),
      Uint8Array.of(0, 0, 0, 3, 0, 0, 0, 9),
    );
    const expected = toHex(new Uint8Array(hkdfSync('sha256', input.secret, input.salt, info, 32)));
    expect(toHex(deriveKey({ ...input, info: [uint32(3), uint32(9)] }))).toBe(expected);
  });

  it('gives 32 bytes unless told otherwise, and another key for each label, part and salt', () => {
    const input = { secret: range(0, 31), salt: range(0, 31) };
    const keys = Object.values(labels).map((label) => toHex(deriveKey({ ...input, label })));
    keys.push(
      toHex(deriveKey({ ...input, label: labels.channel, info: [uint32(0)] })),
      toHex(deriveKey({ ...input, label: labels.channel, info: [uint32(1)] })),
      toHex(deriveKey({ ...input, salt: range(1, 32), label: labels.channel })),
      toHex(deriveKey({ ...input, secret: range(1, 32), label: labels.channel })),
    );
    expect(new Set(keys).size).toBe(keys.length);
    expect(keys.every((key) => key.length === 64)).toBe(true);
  });

  it('refuses more than 255 blocks', () => {
    const input = { secret: new Uint8Array(32), salt: new Uint8Array(32), label: labels.graph };
    expect(deriveKey({ ...input, length: 255 * 32 }).length).toBe(255 * 32);
    expect(() => deriveKey({ ...input, length: 255 * 32 + 1 })).toThrow();
  });
});

describe('labelledHash', () => {
  it('is SHA-256 over label and parts', () => {
    fc.assert(
      fc.property(anyLabel, fc.array(bytes, { maxLength: 4 }), (label, parts) => {
        const hash = createHash('sha256')
          .update(labelled(label, ...parts))
          .digest();
        expect(labelledHash(label, ...parts)).toEqual(new Uint8Array(hash));
      }),
    );
    expect(fromHex(toHex(labelledHash(labels.frozen)))).toHaveLength(32);
  });
});
