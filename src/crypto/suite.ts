import { checkChoice } from '../core/check.js';

/**
 * A suite fixes every primitive of a session; a task pins it and nothing negotiates it. Both suites use X25519,
 * Ed25519, HKDF-SHA-256 and ChaCha20-Poly1305, and differ in the PRG that expands mask seeds:
 *
 * - 1: ChaCha20 (RFC 8439), fast everywhere through the WebAssembly kernel. The default.
 * - 2: AES-128-CTR (NIST SP 800-38A), for silos with AES hardware.
 */
export type SuiteId = 1 | 2;

export const suites: readonly SuiteId[] = [1, 2];

/** Bytes of PRG key and nonce that a suite takes from the KDF, in this order. */
export const prgSizes: { readonly [suite in SuiteId]: { readonly key: number; readonly nonce: number } } = {
  1: { key: 32, nonce: 12 },
  2: { key: 16, nonce: 16 },
};

/** Returns `value` if it names a suite; throws `UsageError` (`usage.choice`) otherwise. */
export function checkSuite(value: unknown): SuiteId {
  return checkChoice('suite', value, suites);
}
