/** Adds `blocks` to a counter block in place: big-endian, mod 2^128 (NIST SP 800-38A appendix B.1). */
export function advanceCounter(counter: Uint8Array, blocks: number): void {
  let carry = blocks;
  for (let i = counter.length - 1; i >= 0 && carry > 0; i--) {
    carry += counter[i] ?? 0;
    counter[i] = carry % 256;
    carry = Math.floor(carry / 256);
  }
}
