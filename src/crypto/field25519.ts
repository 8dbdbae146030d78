/**
 * Whether 32 little-endian bytes are below the order of the field of X25519 and Ed25519 (RFC 7748 section 4.1), p =
 * 2^255 - 19: byte 31 of p is 0x7f, bytes 1 to 30 are 0xff, byte 0 is 0xed.
 */
export function belowFieldOrder(key: Uint8Array): boolean {
  if ((key[31] ?? 0) < 0x7f) return true;
  if (key[31] !== 0x7f) return false;
  for (let i = 30; i > 0; i -= 1) if (key[i] !== 0xff) return true;
  return (key[0] ?? 0) < 0xed;
}
