/**
 * How rows come into the memory of a kernel: blocks of columns, of all rows, as many as its area holds. What is left
 * there after a call is not wiped, as it is in the kernels for masking: rows of plain updates are no secret from who
 * compares them.
 */

/** Values that a kernel's area for rows holds: 1 MiB, what a second-level cache holds. */
export const areaValues = 262_144;
/**
 * Most columns of a block. Short pieces of rows are copied at half the speed: memory is read ahead within pages only.
 */
export const mostColumns = 8192;
/** Values between the rows of a block besides its columns, so that rows don't fall on the same lines of the cache. */
const padding = 128;

export interface Layout {
  /** Columns of a block: a multiple of 16. */
  readonly block: number;
  /** Values from one row to the next: `block` at least. */
  readonly stride: number;
}

/** The blocks in which `columns` columns of `n` rows (at most 4096) go through an area; all about equally large. */
export function layout(n: number, columns: number): Layout {
  const room = 16 * Math.floor(areaValues / n / 16);
  const pad = room > 4 * padding ? padding : 0;
  const most = Math.min(mostColumns, room - pad);
  const block = Math.min(most, roundUp(columns / Math.ceil(columns / most), 16));
  return { block, stride: block + pad };
}

export function roundUp(value: number, step: number): number {
  return Math.ceil(value / step) * step;
}

/** Copies columns `start` to `start + count` of each row to `values`, `stride` values apart. */
export function copyRows(
  rows: readonly Float32Array[],
  start: number,
  count: number,
  values: Float32Array,
  stride: number,
): void {
  let at = 0;
  for (const row of rows) {
    values.set(row.subarray(start, start + count), at);
    at += stride;
  }
}
