import type { RandomSource } from '../../core/random.js';
import type { MaskExpander } from '../prg/expander.js';

export interface SignatureCheck {
  /** Ed25519 public key, 32 bytes. */
  readonly publicKey: Uint8Array;
  readonly message: Uint8Array;
  /** 64 bytes. */
  readonly signature: Uint8Array;
}

export interface SealInput {
  /** 32 bytes, used for one message only: the nonce is zero. */
  readonly key: Uint8Array;
  readonly associatedData: Uint8Array;
  /** Plaintext to seal, or sealed bytes (ciphertext and 16-byte tag) to open. */
  readonly data: Uint8Array;
}

/**
 * Where the primitives come from: `noble` runs anywhere, `node` uses node:crypto, `web` uses WebCrypto. The bytes are
 * the same; only speed differs. Public-key operations come in batches and are asynchronous, since WebCrypto is.
 *
 * Callers use `crypto/agreement.ts` and `signature.ts`, which check keys and signatures once for all providers.
 */
export interface CryptoProvider {
  readonly name: 'noble' | 'node' | 'web';
  readonly randomBytes: RandomSource;
  /** SHA-256 of bulk data. */
  readonly sha256: (message: Uint8Array) => Uint8Array;
  /** X25519 public key of a 32-byte private key. */
  readonly agreementPublicKey: (privateKey: Uint8Array) => Promise<Uint8Array>;
  /** X25519 shared secrets with each public key, in order; `undefined` for a key whose result is all zero. */
  readonly agree: (
    privateKey: Uint8Array,
    publicKeys: readonly Uint8Array[],
  ) => Promise<readonly (Uint8Array | undefined)[]>;
  /** Ed25519 public key of a 32-byte private key. */
  readonly signaturePublicKey: (privateKey: Uint8Array) => Promise<Uint8Array>;
  /** Ed25519 signature, 64 bytes (RFC 8032). */
  readonly sign: (privateKey: Uint8Array, message: Uint8Array) => Promise<Uint8Array>;
  /** Whether each signature holds by the strict rule of RFC 8032 section 5.1.7 without cofactor, in order. */
  readonly verify: (checks: readonly SignatureCheck[]) => Promise<readonly boolean[]>;
  /** ChaCha20-Poly1305 (RFC 8439) with a zero nonce. */
  readonly seal: (input: SealInput) => Uint8Array;
  /** The plaintext, or `undefined` if the tag doesn't fit. */
  readonly open: (input: SealInput) => Uint8Array | undefined;
  readonly expander: MaskExpander;
}
