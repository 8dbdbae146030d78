import { ed25519 } from '@noble/curves/ed25519.js';

/**
 * Whether 32 bytes encode a point of Ed25519's prime-order group. Costs a scalar multiplication, so it is the enrolment
 * authority's to check, once for each key.
 */
export function isTorsionFree(key: Uint8Array): boolean {
  try {
    return ed25519.Point.fromBytes(key).isTorsionFree();
  } catch {
    return false;
  }
}
