import { checkInteger } from '../core/check.js';
import { at } from './vectors.js';

/** Most Byzantine clients that can be declared: far beyond any cohort, and sums of it stay exact. */
const largestF = 2 ** 30;

/** Returns `f`, an integer from 0; throws `UsageError` (`usage.range`) otherwise. */
export function checkF(f: unknown): number {
  return checkInteger('f', f, 0, largestF);
}

/** The condition that honest clients are the majority. */
export const majority = { minimum: (f: number): number => 2 * f + 1, condition: 'n >= 2f + 1' } as const;

/** For rules that promise nothing once a client is Byzantine. */
export const withoutBound = {
  minimum: (f: number): number => (f === 0 ? 1 : Number.POSITIVE_INFINITY),
  condition: 'f = 0 (it has no breakdown point)',
  computable: (): number => 1,
} as const;

/** floor(fraction n), where a product that rounding left just below an integer is that integer: 0.29 of 100 is 29. */
export function wholePart(fraction: number, n: number): number {
  return Math.floor(fraction * n * (1 + 4 * Number.EPSILON));
}

/** The same in proportion, summing to one. */
export function normalized(values: Float64Array): Float64Array {
  const sum = values.reduce((total, value) => total + value, 0);
  return values.map((value) => value / sum);
}

/** Weights that sum to one: all equal, or in proportion to `weights`. */
export function averagingWeights(count: number, weights: Float64Array | undefined): Float64Array {
  return chosenWeights(
    count,
    Array.from({ length: count }, (_, i) => i),
    weights,
  );
}

/**
 * Weights of a mean over `chosen` rows, zero elsewhere. Where the chosen ones' weights are all zero, they count the
 * same: a rule keeps a row for what it is, not for what it claims.
 */
export function chosenWeights(count: number, chosen: readonly number[], weights?: Float64Array): Float64Array {
  const result = new Float64Array(count);
  const total = weights === undefined ? 0 : chosen.reduce((sum, i) => sum + at(weights, i), 0);
  for (const i of chosen) result[i] = weights === undefined || total === 0 ? 1 / chosen.length : at(weights, i) / total;
  return result;
}
