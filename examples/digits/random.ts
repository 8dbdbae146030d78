/**
 * Seeded randomness for the example, so that every run is the same run: who gets which digits, who leaves when, how
 * weights start and in what order a client reads its images. Nothing here is a secret; veilsum draws its own keys.
 */

/** A stream of numbers drawn evenly from [0, 1). */
export type Random = () => number;

/** Streams with different seeds, or different labels, are unrelated (sfc32, seeded from an FNV-1a hash of the label). */
export function seededRandom(seed: number, label: string): Random {
  let hash = 0x811c9dc5;
  for (let i = 0; i < label.length; i++) hash = Math.imul(hash ^ label.charCodeAt(i), 0x01000193);
  let a = seed | 0;
  let b = Math.floor(seed / 2 ** 32) | 0;
  let c = hash | 0;
  let counter = 1;
  const next: Random = () => {
    const t = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + t) | 0;
    return (t >>> 0) / 2 ** 32;
  };
  // sfc32 forgets what its seed looked like within a dozen steps.
  for (let i = 0; i < 12; i++) next();
  return next;
}

/** The numbers 0 to length - 1 in random order (Fisher-Yates). */
export function permutation(length: number, random: Random): Int32Array {
  const order = Int32Array.from({ length }, (_, index) => index);
  for (let last = length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    const held = order[last] ?? 0;
    order[last] = order[other] ?? 0;
    order[other] = held;
  }
  return order;
}

/** One draw from the Dirichlet distribution with every concentration `alpha`: `size` positive numbers that sum to 1. */
export function dirichlet(size: number, alpha: number, random: Random): readonly number[] {
  const draws = Array.from({ length: size }, () => gamma(alpha, random));
  const total = draws.reduce((sum, draw) => sum + draw, 0);
  return draws.map((draw) => draw / total);
}

/** One draw from Gamma(shape, 1), after Marsaglia and Tsang (2000); shapes below 1 through Gamma(shape + 1) * U^(1/shape). */
function gamma(shape: number, random: Random): number {
  if (shape < 1) return gamma(shape + 1, random) * (1 - random()) ** (1 / shape);
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = normal(random);
    const v = (1 + c * x) ** 3;
    if (v > 0 && Math.log(1 - random()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v;
  }
}

/** One draw from the standard normal distribution (Box and Muller). */
function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
