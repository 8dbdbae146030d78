import { hkdf as nobleHkdf } from '@noble/hashes/hkdf.js';
import { sha256 } from '@noble/hashes/sha2.js';

/**
 * SHA-256 and HKDF of short inputs where there is no synchronous platform hash; package.json's `imports` picks this or
 * its Node twin.
 */
export { sha256 };

export interface HkdfInput {
  readonly secret: Uint8Array;
  readonly salt: Uint8Array;
  readonly info: Uint8Array;
  /** Bytes wanted, 1 to 255 * 32; more throws. */
  readonly length: number;
}

/** HKDF-SHA-256 (RFC 5869). */
export function hkdf({ secret, salt, info, length }: HkdfInput): Uint8Array {
  return nobleHkdf(sha256, secret, salt, info, length);
}
