import type { SmoothLoss } from '../../../src/dp/accounting/pld/loss.js';

/**
 * Delta of a sampled Gaussian release and a second one: E over the outcome of the first of the exact divergence of the
 * second, by the trapezoid rule.
 */
export function twoReleases(
  [q, sigma]: readonly [number, number],
  second: SmoothLoss,
  remove: boolean,
  epsilon: number,
): number {
  const step = sigma / 3000;
  let sum = 0;
  for (let i = Math.floor((-11 * sigma) / step); i * step < 1 + 11 * sigma; i += 1) {
    const x = i * step;
    const without = Math.exp(-(x * x) / (2 * sigma * sigma));
    const ratio = q * Math.expm1((2 * x - 1) / (2 * sigma * sigma));
    const first = Math.log1p(ratio);
    sum += remove ? without * (1 + ratio) * second.delta(epsilon - first) : without * second.delta(epsilon + first);
  }
  return (sum * step) / (sigma * Math.sqrt(2 * Math.PI));
}
