// Order statistics of columns: each column of a block of rows is sorted by a sorting network, then its middle is read.
// See ../columns.ts for the interface and ../columns.twin.ts for the same in TypeScript.

import { meanOfNearest, meanOfRows, sortStrip } from './_order';

/** Rows of values: what a second-level cache holds. */
const valueArea = memory.data(1048576, 64);
/** The network: for each comparator, the byte offsets of its two rows. */
const networkArea = memory.data(262144, 64);
const resultArea = memory.data(32768, 64);

export function valuesAt(): usize {
  return valueArea;
}

export function networkAt(): usize {
  return networkArea;
}

export function resultsAt(): usize {
  return resultArea;
}

/**
 * Runs the network of `comparators` over `columns` columns, in strips of `strip` columns: both multiples of 16, so that
 * what lies in columns past those the caller asked for means nothing.
 */
export function sort(comparators: usize, columns: usize, strip: usize): void {
  const end = valueArea + columns * 4;
  for (let from = valueArea; from < end; from += strip * 4)
    sortStrip(from, min(strip * 4, end - from), networkArea, comparators);
}

/** Results from sorted rows: the mean of those from `first` to `last`; `stride` is bytes from row to row. */
export function mean(columns: usize, stride: usize, first: usize, last: usize): void {
  meanOfRows(valueArea, columns, stride, first, last, resultArea);
}

/**
 * Results from sorted rows: the mean of the `count` values nearest to the median, which is between `low` and `high`.
 */
export function meanAroundMedian(
  columns: usize,
  stride: usize,
  rows: usize,
  count: usize,
  low: usize,
  high: usize,
): void {
  meanOfNearest(valueArea, columns, stride, rows, count, low, high, resultArea);
}
