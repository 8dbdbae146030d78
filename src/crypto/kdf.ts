import { hkdf, sha256 } from '#hash';
import { type Label, labelled } from './labels.js';

/** Bytes of a hash, a seed and every symmetric key but suite 2's PRG key. */
export const hashLength = 32;

/** SHA-256 over a label and parts of fixed length. */
export function labelledHash(label: Label, ...parts: readonly Uint8Array[]): Uint8Array {
  return sha256(labelled(label, ...parts));
}

export interface KdfInput {
  /** Input key material: a shared secret or a seed. */
  readonly secret: Uint8Array;
  /** HKDF salt: the hash of what the key is bound to. */
  readonly salt: Uint8Array;
  readonly label: Label;
  /** Further fixed-length parts of the info string, such as roster indices. */
  readonly info?: readonly Uint8Array[];
  /** Bytes wanted, 1 to 255 * 32. */
  readonly length?: number;
}

/** HKDF-SHA-256 (RFC 5869) whose info is a label and fixed-length parts. */
export function deriveKey({ secret, salt, label, info = [], length = hashLength }: KdfInput): Uint8Array {
  return hkdf({ secret, salt, info: labelled(label, ...info), length });
}
