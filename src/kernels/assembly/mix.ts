// Weighted sums of rows. See ../mix.ts for the interface and ../mix.twin.ts for the same in TypeScript.

import { weighGroups, weighRows } from './_mixing';

/** Rows of values: what a second-level cache holds. */
const valueArea = memory.data(1048576, 64);
const resultArea = memory.data(1048576, 64);
/** What to add up, as `weighRows` and `weighGroups` have it. */
const listArea = memory.data(262144, 64);

export function valuesAt(): usize {
  return valueArea;
}

export function resultsAt(): usize {
  return resultArea;
}

export function listAt(): usize {
  return listArea;
}

/**
 * First row of results = the sum of `count` entries of the list from entry `first`, `columns` columns, a multiple of
 * 16.
 */
export function weigh(columns: usize, first: usize, count: usize): void {
  weighRows(valueArea, columns, listArea + first * 16, count, resultArea);
}

/** `sums` rows of results by groups of rows; `stride` is bytes from row to row, of values and of results alike. */
export function weighSubsets(columns: usize, stride: usize, groups: usize, sums: usize): void {
  weighGroups(valueArea, columns, stride, listArea, groups, sums, resultArea, stride);
}
