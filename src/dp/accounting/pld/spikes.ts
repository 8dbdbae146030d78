/** A lower bound for releases whose losses are rare: by one test, that any of them is above a threshold. */
import { type LossPart, newTails, type SmoothLoss, type Tails } from './loss.js';

/** Of the tails' relative rounding, summed over releases. */
const doubt = 1e-9;

/** The best of `value(P(any above), Q(any above))` over thresholds; 0 if no threshold gives more. */
function bestThreshold(parts: readonly LossPart[], value: (p: number, q: number) => number): number {
  // Discrete ones are left out of the test: what looks at fewer outcomes proves less, but proves it.
  const smooth = parts.flatMap(({ loss, count }) => (loss.kind === 'smooth' ? [{ loss, count }] : []));
  if (smooth.length === 0) return 0;
  const tails = newTails();
  const at = (threshold: number): number => {
    let [p, q] = [0, 0];
    for (const { loss, count } of smooth) {
      tailsAbove(loss, threshold, tails);
      p += count * Math.log1p(-Math.min(1, tails.pAbove));
      q += count * Math.log1p(-Math.min(1, tails.qAbove));
    }
    return value(-Math.expm1(p) * (1 - doubt), -Math.expm1(q) * (1 + doubt));
  };
  let best = 0;
  let where = 0;
  const look = (threshold: number): void => {
    const found = at(threshold);
    if (found > best) [best, where] = [found, threshold];
  };
  for (let x = 1e-8; x < 600; x *= 1.15) look(x);
  for (let width = 0.07, center = where; width > 1e-4; width /= 4, center = where)
    for (let i = -4; i <= 4; i += 1) look(center * (1 + (width * i) / 4));
  return best;
}

function tailsAbove(loss: SmoothLoss, threshold: number, into: Tails): void {
  if (threshold < loss.highest) loss.tails(threshold, into);
  else into.pAbove = into.qAbove = 0;
}

/**
 * Delta at least: P and Q of any test differ by no more than the divergence (data processing). Near the truth where a
 * single large loss decides, as with small samples, and there grids that would hold both the rare and the small losses
 * are too long.
 */
export function spikeDelta(parts: readonly LossPart[], epsilon: number): number {
  return bestThreshold(parts, (p, q) => p - Math.exp(epsilon) * q);
}

/** Epsilon at least, likewise: where one test has more than `delta` left. */
export function spikeEpsilon(parts: readonly LossPart[], delta: number): number {
  return bestThreshold(parts, (p, q) => (p > delta && q > 0 ? Math.log((p - delta) / q) : 0));
}
