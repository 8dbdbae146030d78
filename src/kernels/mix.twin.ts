import type { FloatArray } from './columns.twin.js';

/**
 * Weighted sums of rows: `out[k][column]` = the sum over i of `weights[k * n + i] * rows[i][column]`, for the columns
 * from `from` to `to` (exclusive), in double precision and rounded to float32 once. `weights` is m x n, row-major, m =
 * the length of `out`, n = the length of `rows`. Rows of weight zero are not read. No vector of `out` may be one of
 * `rows`.
 *
 * Sums run upwards through the rows. Where there are at least four, of at most 256 rows, and each has one weight for
 * whatever it takes (as the means of nearest neighbors have), the rows are added in groups of four, the groups added
 * up, and the weight multiplied last: that is much less work.
 *
 * The caller has checked that rows and `out` have at least `to` values, and that rows and weights are finite.
 */
export type MixRows = (
  rows: readonly Float32Array[],
  weights: Float64Array,
  from: number,
  to: number,
  out: readonly Float32Array[],
) => void;

/** Rows of a group whose subsets are summed once for all sums. */
export const groupRows = 4;
/** Least sums for which that is done. */
const leastSums = 4;
/** Most rows for which that is done. */
const mostRows = 256;

/**
 * The mixing kernel in TypeScript: the same results, bit for bit, where WebAssembly SIMD is missing; and for float64.
 */
export function twin(
  rows: readonly FloatArray[],
  weights: Float64Array,
  from: number,
  to: number,
  out: readonly FloatArray[],
): void {
  const n = rows.length;
  const common = commonWeights(weights, n, out.length);
  const sums = new Float64Array(to - from);
  for (const [k, vector] of out.entries()) {
    const weight = common?.[k];
    const takes = weights.subarray(k * n, (k + 1) * n);
    sums.fill(0);
    if (weight === undefined) addWeighted(rows, takes, from, sums);
    else addGrouped(rows, takes, from, sums);
    for (let i = 0; i < sums.length; i += 1) vector[from + i] = (weight ?? 1) * (sums[i] as number);
  }
}

/** The weight of each of m sums, if all have one for all they take and sums are made by groups; else `undefined`. */
export function commonWeights(weights: Float64Array, n: number, m: number): Float64Array | undefined {
  if (m < leastSums || n > mostRows) return undefined;
  const common = new Float64Array(m);
  for (let k = 0; k < m; k += 1) {
    for (const weight of weights.subarray(k * n, (k + 1) * n)) {
      if (weight === 0 || weight === common[k]) continue;
      if (common[k] !== 0) return undefined;
      common[k] = weight;
    }
  }
  return common;
}

function addWeighted(rows: readonly FloatArray[], weights: Float64Array, from: number, sums: Float64Array): void {
  for (const [i, row] of rows.entries()) {
    const weight = weights[i] as number; // one a row
    if (weight === 0) continue;
    for (let k = 0; k < sums.length; k += 1) sums[k] = (sums[k] as number) + weight * (row[from + k] as number);
  }
}

function addGrouped(rows: readonly FloatArray[], weights: Float64Array, from: number, sums: Float64Array): void {
  const group = new Float64Array(sums.length);
  for (let start = 0; start < rows.length; start += groupRows) {
    const members = rows.slice(start, start + groupRows).filter((_, i) => weights[start + i] !== 0);
    group.fill(0);
    for (const row of members)
      for (let k = 0; k < group.length; k += 1) group[k] = (group[k] as number) + (row[from + k] as number);
    for (let k = 0; k < sums.length; k += 1) sums[k] = (sums[k] as number) + (group[k] as number);
  }
}
