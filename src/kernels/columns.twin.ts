/** Rows and results; the kernels are for float32 alone, the twins take either. */
export type FloatArray = Float32Array | Float64Array;

/**
 * A rule that takes each column by itself. With the n values of a column sorted:
 * - `median`: the middle value, or the mean of both for an even n;
 * - `trimmed-mean`: the mean of all but the f smallest and the f largest;
 * - `meamed` (mean around median): the mean of the n-f values nearest to the median. Of a lower and a higher value at
 *   the same distance the lower is taken.
 */
export type ColumnRule = 'median' | 'trimmed-mean' | 'meamed';

/**
 * Applies `rule` to columns `from` to `to` (exclusive) of `rows` and writes `out[from]` to `out[to - 1]`. Sums run
 * upwards through the sorted values in double precision and are rounded to float32 once, so the order of the rows never
 * shows.
 *
 * The caller has checked that there are rows, each and `out` of at least `to` values, all finite, and that 0 <= f,
 * with 2f < n for the trimmed mean and f < n for MeaMed.
 */
export type ApplyColumns = (
  rule: ColumnRule,
  f: number,
  rows: readonly Float32Array[],
  from: number,
  to: number,
  out: Float32Array,
) => void;

/**
 * The column rules in TypeScript: the same results, bit for bit, where WebAssembly SIMD is missing; and for float64.
 */
export function twin(
  rule: ColumnRule,
  f: number,
  rows: readonly FloatArray[],
  from: number,
  to: number,
  out: FloatArray,
): void {
  const sorted = new Float64Array(rows.length);
  const { first, last } = middleOf(rule, f, rows.length);
  for (let column = from; column < to; column += 1) {
    for (let i = 0; i < rows.length; i += 1) sorted[i] = rows[i]?.[column] ?? Number.NaN;
    sortAscending(sorted);
    out[column] = rule === 'meamed' ? meanAroundMedian(sorted, f) : mean(sorted, first, last);
  }
}

/** The first and the last of n sorted values that a rule needs. */
export function middleOf(rule: ColumnRule, f: number, n: number): { readonly first: number; readonly last: number } {
  if (rule === 'median') return { first: (n - 1) >> 1, last: n >> 1 };
  return rule === 'meamed' ? { first: 0, last: n - 1 } : { first: f, last: n - 1 - f };
}

// Indexes below are within bounds by the caller's checks.

/** Insertion sort: a column has tens of values, where it beats the engine's sort by far. */
function sortAscending(values: Float64Array): void {
  if (values.length > 100) {
    values.sort();
    return;
  }
  for (let i = 1; i < values.length; i += 1) {
    const value = values[i] as number;
    let j = i - 1;
    for (; j >= 0 && (values[j] as number) > value; j -= 1) values[j + 1] = values[j] as number;
    values[j + 1] = value;
  }
}

function mean(sorted: Float64Array, first: number, last: number): number {
  let sum = 0;
  for (let i = first; i <= last; i += 1) sum += sorted[i] as number;
  return sum / (last - first + 1);
}

function meanAroundMedian(sorted: Float64Array, f: number): number {
  const count = sorted.length - f;
  const { first: low, last: high } = middleOf('median', f, sorted.length);
  const median = ((sorted[low] as number) + (sorted[high] as number)) * 0.5;
  let first = 0;
  while (first < f && (sorted[first + count] as number) - median < median - (sorted[first] as number)) first += 1;
  return mean(sorted, first, first + count - 1);
}
