import { fromHex, toHex } from '../core/bytes.js';
import { belowFieldOrder } from './field25519.js';
import type { CryptoProvider, SignatureCheck } from './provider/provider.js';

export const signatureLength = 64;

/** y-coordinates of the eight points of order 1, 2, 4 and 8, canonical, without the sign bit. */
const smallOrder: ReadonlySet<string> = new Set([
  `01${'00'.repeat(31)}`,
  `ec${'ff'.repeat(30)}7f`,
  '00'.repeat(32),
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
]);

/** The order L of the base point, little-endian. */
const order = fromHex('edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010');

const smallOrderStarts: ReadonlySet<number> = new Set([...smallOrder].map((y) => Number.parseInt(y.slice(0, 2), 16)));

function isSmallOrder(key: Uint8Array): boolean {
  if (!smallOrderStarts.has(key[0] ?? 0)) return false;
  const y = new Uint8Array(key);
  y[31] = (y[31] ?? 0) & 0x7f;
  return smallOrder.has(toHex(y));
}

function isBelowOrder(scalar: Uint8Array): boolean {
  for (let i = 31; i >= 0; i -= 1) {
    const difference = (scalar[i] ?? 0) - (order[i] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}

/** Whether 32 bytes encode an Ed25519 point canonically: y below p. The sign bit is any. */
export function isCanonicalSignatureKey(key: Uint8Array): boolean {
  if (key.length !== 32) return false;
  const y = new Uint8Array(key);
  y[31] = (y[31] ?? 0) & 0x7f;
  return belowFieldOrder(y);
}

/** Whether 32 bytes may serve as an Ed25519 public key, or as R: canonical and not of small order. */
export function isSignatureKey(key: Uint8Array): boolean {
  return isCanonicalSignatureKey(key) && !isSmallOrder(key);
}

function isWellFormed({ publicKey, signature }: SignatureCheck): boolean {
  return (
    isSignatureKey(publicKey) &&
    signature.length === signatureLength &&
    isSignatureKey(signature.subarray(0, 32)) &&
    isBelowOrder(signature.subarray(32))
  );
}

/**
 * Ed25519 by the strict rule: RFC 8032 section 5.1.7 without cofactor, canonical encodings, A and R of small order
 * refused: some OpenSSL releases take such an R and some don't. These checks stand before the providers', so that what
 * one refuses no other accepts.
 *
 * @returns whether each signature holds, in order
 */
export async function verifyAll(
  provider: CryptoProvider,
  checks: readonly SignatureCheck[],
): Promise<readonly boolean[]> {
  const wellFormed = checks.map(isWellFormed);
  const results = await provider.verify(checks.filter((_, i) => wellFormed[i]));
  let next = 0;
  return wellFormed.map((ok) => {
    if (!ok) return false;
    next += 1;
    return results[next - 1] === true;
  });
}
