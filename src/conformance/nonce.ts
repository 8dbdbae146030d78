import { ed25519 } from '@noble/curves/ed25519.js';
import { sha512 } from '@noble/hashes/sha2.js';
import { concatBytes, toHex } from '../core/bytes.js';

/**
 * A signature with r = 0, so that R is the identity element, which may be written as `nonce` says: S = k a mod L
 * satisfies S B = R + k A (RFC 8032 section 5.1.6). Who compares points instead of bytes takes it whatever the bytes of
 * R are.
 */
export function signWithoutNonce(privateKey: Uint8Array, message: Uint8Array, nonce: Uint8Array): Uint8Array {
  const { scalar, pointBytes } = ed25519.utils.getExtendedPublicKey(privateKey);
  const { Fn } = ed25519.Point;
  const k = BigInt(`0x${toHex(sha512(concatBytes(nonce, pointBytes, message)).reverse())}`);
  return concatBytes(nonce, Fn.toBytes(Fn.mul(Fn.create(k), scalar)));
}
