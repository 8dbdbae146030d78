import { toHex } from '../core/bytes.js';
import { checkBytes } from '../core/check.js';
import { belowFieldOrder } from './field25519.js';
import type { CryptoProvider } from './provider/provider.js';

/**
 * Whether 32 bytes are the one encoding of a u-coordinate: below p and with the high bit clear. X25519 itself would
 * accept aliases (RFC 7748 section 5), which would let one key count as two.
 */
export function isCanonicalAgreementKey(key: Uint8Array): boolean {
  return key.length === 32 && belowFieldOrder(key);
}

/**
 * The canonical u-coordinates of X25519's points of low order: 0, 1, two of order 8, and p - 1 (RFC 7748 section 6.1).
 */
const lowOrder: ReadonlySet<string> = new Set([
  '00'.repeat(32),
  `01${'00'.repeat(31)}`,
  'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
  '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
  `ec${'ff'.repeat(30)}7f`,
]);

/**
 * Whether a canonical public key has low order, so that its shared secrets are all zero. Agreement refuses such keys by
 * itself; a server that doesn't agree with a key can tell by this.
 */
export function hasLowOrder(key: Uint8Array): boolean {
  return lowOrder.has(toHex(key));
}

/**
 * X25519 (RFC 7748) with many public keys. A key that isn't canonical, or whose shared secret is all zero because it
 * has low order, gives `undefined`.
 */
export async function agreeAll(
  provider: CryptoProvider,
  privateKey: Uint8Array,
  publicKeys: readonly Uint8Array[],
): Promise<readonly (Uint8Array | undefined)[]> {
  checkBytes('private key', privateKey, 32);
  const canonical = publicKeys.filter(isCanonicalAgreementKey);
  const secrets = await provider.agree(privateKey, canonical);
  if (canonical.length === publicKeys.length) return secrets;
  const byKey = new Map(canonical.map((key, i) => [key, secrets[i]]));
  return publicKeys.map((key) => byKey.get(key));
}
