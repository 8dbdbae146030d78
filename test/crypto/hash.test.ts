import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hkdf as plainHkdf, sha256 as plainSha256 } from '../../src/crypto/hash.js';
import { hkdf, sha256 } from '../../src/crypto/hash.node.js';

const bytes = fc.uint8Array({ maxLength: 300 });
const longBytes = fc.uint8Array({ maxLength: 600 });
/** As all salts of sessions are; Node's HKDF takes another way for these. */
const hashSalt = fc.uint8Array({ minLength: 32, maxLength: 32 });

describe('the hashes of Node and of JavaScript', () => {
  it('are the same', () => {
    fc.assert(
      fc.property(bytes, (message) => {
        expect(sha256(message)).toEqual(plainSha256(message));
        expect(Object.getPrototypeOf(sha256(message))).toBe(Uint8Array.prototype);
      }),
    );
  });

  it('derive the same keys', () => {
    fc.assert(
      fc.property(
        longBytes,
        fc.oneof(bytes, hashSalt),
        longBytes,
        fc.oneof(fc.integer({ min: 1, max: 300 }), fc.constantFrom(32, 64, 255 * 32)),
        (secret, salt, info, length) => {
          expect(hkdf({ secret, salt, info, length })).toEqual(plainHkdf({ secret, salt, info, length }));
        },
      ),
      { numRuns: 500 },
    );
  });

  it('refuse more than 255 blocks', () => {
    const empty = new Uint8Array();
    for (const derive of [hkdf, plainHkdf])
      for (const salt of [empty, new Uint8Array(32)])
        expect(() => derive({ secret: empty, salt, info: empty, length: 255 * 32 + 1 })).toThrow();
  });
});
