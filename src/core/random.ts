/** Gives `length` fresh, cryptographically secure random bytes; tests and the simulation pass a seeded one. */
export type RandomSource = (length: number) => Uint8Array;

/** A uniform integer below `bound` (1 to 2^32), by rejection: no modulo bias. */
export function uniformBelow(random: RandomSource, bound: number): number {
  const limit = 2 ** 32 - (2 ** 32 % bound);
  for (;;) {
    const bytes = random(4);
    const value = new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true);
    if (value < limit) return value % bound;
  }
}
