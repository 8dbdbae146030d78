import { checkInteger } from '../core/check.js';
import { UsageError } from '../core/errors.js';

/** What rules that search sets of vectors take. */
export interface SubsetOptions {
  readonly f: number;
  /** Refuses n and f with more subsets of n - f than this. */
  readonly maxSubsets?: number;
}

/** Returns a cap on subsets from 1 to 10^9, or `undefined`; throws `UsageError` (`usage.range`) otherwise. */
export function checkMaxSubsets(maxSubsets: unknown): number | undefined {
  return maxSubsets === undefined ? undefined : checkInteger('maxSubsets', maxSubsets, 1, 1e9);
}

/** Throws `UsageError` (`robust.subsets`) where the search would go through more than `limit` subsets. */
export function refuseTooMany(rule: string, count: number, f: number, limit: number): void {
  const subsets = binomial(count, f);
  if (subsets > limit)
    throw new UsageError(
      'robust.subsets',
      `${rule} would search ${subsets} subsets of n = ${count} vectors with f = ${f}, more than maxSubsets = ${limit}; ` +
        'raise it, or take nnm with a trimmed mean, which needs no search',
    );
}

/** C(n, k), or Infinity past 2^53. */
function binomial(n: number, k: number): number {
  let value = 1;
  for (let i = 1; i <= Math.min(k, n - k); i++) {
    value = (value * (n - i + 1)) / i;
    if (value > Number.MAX_SAFE_INTEGER) return Number.POSITIVE_INFINITY;
  }
  return Math.round(value);
}

/**
 * Calls `visit` for the subsets of `size` of 0 .. count-1, each ascending, in lexicographic order. The array is reused.
 */
export function forEachSubset(count: number, size: number, visit: (subset: readonly number[]) => void): void {
  const subset = Array.from({ length: size }, (_, i) => i);
  for (;;) {
    visit(subset);
    let place = size - 1;
    while (place >= 0 && subset[place] === count - size + place) place -= 1;
    if (place < 0) return;
    const next = (subset[place] as number) + 1; // place is in range
    for (let i = place; i < size; i++) subset[i] = next + i - place;
  }
}
