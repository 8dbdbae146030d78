/**
 * Counts of draws in exact arithmetic, and the parameters that follow from them: the specification of tails and
 * parameters.
 */
import { isLawfulDegree } from '../../src/secagg/graph.js';
import type { SessionParameters, Threat } from '../../src/secagg/parameters.js';

export function binomial(n: number, k: number): bigint {
  if (k < 0 || k > n) return 0n;
  let result = 1n;
  for (let i = 1; i <= k; i++) result = (result * BigInt(n - k + i)) / BigInt(i);
  return result;
}

/** The ways, of C(population, drawn), to draw more than `above` marked. */
export function waysAbove(population: number, marked: number, drawn: number, above: number): bigint {
  let ways = 0n;
  for (let x = Math.max(0, above + 1); x <= drawn; x++)
    ways += binomial(marked, x) * binomial(population - marked, drawn - x);
  return ways;
}

interface Counts {
  readonly n: number;
  readonly corrupt: number;
  readonly dropped: number;
  readonly sigma: number;
  readonly eta: number;
  readonly threat: Threat;
}

/** Whether this degree meets the three conditions, by exact arithmetic, and with which threshold: the specification. */
function exactThreshold({ n, corrupt, dropped, sigma, eta, threat }: Counts, degree: number): number | undefined {
  const population = BigInt(n);
  const all = binomial(n - 1, degree);
  const pairs = population * BigInt(n - degree - 1) * binomial(Math.min(n, corrupt + dropped), degree);
  if (degree < n - 1 && pairs << BigInt(sigma + 1) > 2n * binomial(n, degree)) return undefined;
  let colluding = corrupt;
  if (degree < n - 1)
    for (
      colluding = 0;
      (waysAbove(n - 1, corrupt, degree, colluding) * population) << BigInt(sigma + 1) > all;
      colluding++
    );
  const shares = degree < n - 1 ? degree : n;
  const least = threat === 'malicious' ? Math.floor((shares + colluding) / 2) + 1 : colluding + 1;
  const threshold = Math.max(least, Math.min(2, degree));
  const tooFew = waysAbove(n - 1, dropped, degree, degree - threshold);
  return threshold <= degree && (tooFew * population) << BigInt(eta) < all ? threshold : undefined;
}

/** The parameters of least degree, by trying every one. */
export function exactParameters(counts: Counts): SessionParameters | undefined {
  for (let degree = counts.n === 2 ? 1 : 2; degree < counts.n; degree++) {
    if (!isLawfulDegree(counts.n, degree)) continue;
    const threshold = exactThreshold(counts, degree);
    if (threshold !== undefined) return { n: counts.n, degree, threshold };
  }
  return undefined;
}
