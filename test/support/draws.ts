/** Small, seeded, and uniform enough for statistics (Weyl sequence through the murmur3 finalizer). */
export function draws(seed: number): (words: number) => Uint32Array {
  let state = seed;
  return (words) =>
    Uint32Array.from({ length: words }, () => {
      state = (state + 0x9e3779b9) | 0;
      let h = state;
      h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
      h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
      return h ^ (h >>> 16);
    });
}
