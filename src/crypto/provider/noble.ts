import { chacha20poly1305 } from '@noble/ciphers/chacha.js';
import { ed25519, x25519 } from '@noble/curves/ed25519.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { nobleExpander } from '../prg/noble.js';
import type { CryptoProvider, SealInput, SignatureCheck } from './provider.js';

/** Every key seals one message, so the nonce says nothing. */
const zeroNonce = new Uint8Array(12);

export function nobleRandomBytes(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  // The platform gives at most 65,536 bytes a call.
  for (let i = 0; i < length; i += 65_536) crypto.getRandomValues(bytes.subarray(i, i + 65_536));
  return bytes;
}

export function nobleAgree(privateKey: Uint8Array, publicKey: Uint8Array): Uint8Array | undefined {
  try {
    return x25519.getSharedSecret(privateKey, publicKey);
  } catch {
    return undefined; // noble refuses an all-zero result, the sign of a key of low order
  }
}

/**
 * noble verifies with cofactor, OpenSSL and BoringSSL without. The two differ only where R has a torsion part, so such
 * an R is refused here: all providers then accept the same signatures under a key that the authority found
 * torsion-free.
 */
export function nobleVerify({ publicKey, message, signature }: SignatureCheck): boolean {
  return (
    ed25519.verify(signature, message, publicKey, { zip215: false }) &&
    ed25519.Point.fromBytes(signature.subarray(0, 32)).isTorsionFree()
  );
}

export function nobleSeal({ key, associatedData, data }: SealInput): Uint8Array {
  return chacha20poly1305(key, zeroNonce, associatedData).encrypt(data);
}

export function nobleOpen({ key, associatedData, data }: SealInput): Uint8Array | undefined {
  try {
    return chacha20poly1305(key, zeroNonce, associatedData).decrypt(data);
  } catch {
    return undefined;
  }
}

/** Audited JavaScript throughout: the same on every platform, and the reference the others are held to. */
export const nobleProvider: CryptoProvider = {
  name: 'noble',
  randomBytes: nobleRandomBytes,
  sha256,
  agreementPublicKey: async (privateKey) => x25519.getPublicKey(privateKey),
  agree: async (privateKey, publicKeys) => publicKeys.map((publicKey) => nobleAgree(privateKey, publicKey)),
  signaturePublicKey: async (privateKey) => ed25519.getPublicKey(privateKey),
  sign: async (privateKey, message) => ed25519.sign(message, privateKey),
  verify: async (checks) => checks.map(nobleVerify),
  seal: nobleSeal,
  open: nobleOpen,
  expander: nobleExpander,
};
