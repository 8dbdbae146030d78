/**
 * Seeded numbers for what has to be the same run twice and is no secret: who gets which examples, in what order they
 * are read, how they are augmented. Keys, masks and noise never come from here.
 */
import { checkInteger } from '../../core/check.js';

/** A stream of numbers drawn evenly from [0, 1), with 32 random bits each. */
export type Random = () => number;

/**
 * Streams with different seeds, or different labels, are unrelated (sfc32, seeded from an FNV-1a hash of the label).
 *
 * @param seed an integer from 0 to 2^53 - 1
 * @param label what the stream is for, such as 'pass 3'
 * @throws UsageError `usage.range`
 */
export function seededNumbers(seed: number, label: string): Random {
  checkInteger('seed', seed, 0, Number.MAX_SAFE_INTEGER);
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

/**
 * One draw from the Dirichlet distribution with every concentration `alpha`: `size` numbers from 0 to 1 that sum to 1.
 * Worked out in logarithms: for small concentrations all but the largest of the gamma draws are below the least double.
 */
export function dirichlet(size: number, alpha: number, random: Random): readonly number[] {
  const logs = Array.from({ length: size }, () => logGamma(alpha, random));
  const largest = logs.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
  const draws = logs.map((value) => Math.exp(value - largest));
  const total = draws.reduce((sum, draw) => sum + draw, 0);
  return draws.map((draw) => draw / total);
}

/**
 * The logarithm of one draw from Gamma(shape, 1), after Marsaglia and Tsang (2000); below 1 as Gamma(shape + 1)
 * U^(1/shape).
 */
function logGamma(shape: number, random: Random): number {
  if (shape < 1) return logGamma(shape + 1, random) + Math.log(1 - random()) / shape;
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = normal(random);
    const v = (1 + c * x) ** 3;
    if (v > 0 && Math.log(1 - random()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return Math.log(d * v);
  }
}

/** One draw from the standard normal distribution (Box and Muller). */
function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
