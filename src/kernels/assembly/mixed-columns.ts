// Order statistics of columns of weighted sums of rows. A strip of columns at a time is mixed, sorted and read, so the
// sums never leave the cache. See ../mixed-columns.ts for the interface and ../mixed-columns.twin.ts for the same in
// TypeScript.

import { weighGroups, weighRows } from './_mixing';
import { meanOfNearest, meanOfRows, sortStrip } from './_order';

/** Rows of values: what a second-level cache holds. */
const valueArea = memory.data(1048576, 64);
/** What to add up, as `weighRows` and `weighGroups` have it. */
const listArea = memory.data(262144, 64);
/** The network: for each comparator, the byte offsets of its two sums in a strip. */
const networkArea = memory.data(65536, 64);
/** A strip of sums, which the first-level cache holds. */
const stripArea = memory.data(28672, 64);
const resultArea = memory.data(32768, 64);

export function valuesAt(): usize {
  return valueArea;
}

export function listAt(): usize {
  return listArea;
}

export function networkAt(): usize {
  return networkArea;
}

export function resultsAt(): usize {
  return resultArea;
}

/**
 * Row `sum` of the strip = the sum of `count` entries of the list from entry `first`, over columns from byte `at` on.
 */
export function weigh(at: usize, columns: usize, first: usize, count: usize, sum: usize, stripStride: usize): void {
  weighRows(valueArea + at, columns, listArea + first * 16, count, stripArea + sum * stripStride);
}

/** `sums` rows of the strip by groups of rows, over columns from byte `at` on; strides are bytes from row to row. */
export function weighSubsets(
  at: usize,
  columns: usize,
  stride: usize,
  groups: usize,
  sums: usize,
  stripStride: usize,
): void {
  weighGroups(valueArea + at, columns, stride, listArea, groups, sums, stripArea, stripStride);
}

/** Sorts the strip, and leaves in results from byte `at` on the mean of the sums from `first` to `last`. */
export function mean(
  at: usize,
  columns: usize,
  stripStride: usize,
  comparators: usize,
  first: usize,
  last: usize,
): void {
  sortStrip(stripArea, columns * 4, networkArea, comparators);
  meanOfRows(stripArea, columns, stripStride, first, last, resultArea + at);
}

/**
 * Sorts the strip, and leaves in results the mean of the `count` sums nearest to the median, between `low` and `high`.
 */
export function meanAroundMedian(
  at: usize,
  columns: usize,
  stripStride: usize,
  comparators: usize,
  sums: usize,
  count: usize,
  low: usize,
  high: usize,
): void {
  sortStrip(stripArea, columns * 4, networkArea, comparators);
  meanOfNearest(stripArea, columns, stripStride, sums, count, low, high, resultArea + at);
}
