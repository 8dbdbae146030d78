import { groupRows } from './mix.twin.js';

/** Bytes of a kernel's list of what to add up: entries of 16 bytes, or weights of 8 bytes and offsets of 4. */
export const listBytes = 262_144;
export const entryBytes = 16;
/** Most sums by groups at once, and most rows: the list and the table of the kernel hold as many. */
export const mostSums = 256;
/** Bytes of a group's table of subset sums, and of one subset's. */
const groupBytes = 2048;
const subsetBytes = 128;

/** The entries of one sum: it begins at entry `first` of the list and takes `count`. */
export interface Entries {
  readonly first: number;
  readonly count: number;
}

/**
 * Writes the entries of sums with any weights, `weights` being m x n: of the rows `taken`, which are `stride` values
 * apart, those that have one.
 */
export function writeEntries(
  list: DataView,
  weights: Float64Array,
  n: number,
  taken: readonly number[],
  stride: number,
): readonly Entries[] {
  return Array.from({ length: weights.length / n }, (_, k) => {
    const first = k * taken.length;
    let count = 0;
    for (const [place, i] of taken.entries()) {
      const weight = weights[k * n + i] as number; // there are m x n
      if (weight === 0) continue;
      list.setFloat64((first + count) * entryBytes, weight, true);
      list.setUint32((first + count) * entryBytes + 8, place * stride * 4, true);
      count += 1;
    }
    return { first, count };
  });
}

/** The rows that have a weight in some sum, of n. */
export function takenRows(weights: Float64Array, n: number): readonly number[] {
  const taken = new Set<number>();
  for (const [at, weight] of weights.entries()) if (weight !== 0) taken.add(at % n);
  return [...taken].sort((a, b) => a - b);
}

/** Writes sums by groups, each with one weight for what it takes: `common` holds m, `weights` m x n. */
export function writeSubsets(list: DataView, weights: Float64Array, n: number, common: Float64Array): void {
  const groups = Math.ceil(n / groupRows);
  let at = common.length * 8;
  for (const [k, weight] of common.entries()) {
    list.setFloat64(k * 8, weight, true);
    for (let g = 0; g < groups; g += 1) {
      const start = k * n + g * groupRows;
      const end = Math.min(start + groupRows, (k + 1) * n);
      let subset = 0;
      for (let i = start; i < end; i += 1) if (weights[i] !== 0) subset |= 1 << (i - start);
      list.setUint32(at, g * groupBytes + subset * subsetBytes, true);
      at += 4;
    }
  }
}
