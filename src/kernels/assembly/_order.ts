// Order statistics of columns, for the kernels that need them. See ../columns.twin.ts for the same in TypeScript.
//
// The network is data, not code: a list of comparators, each two rows of a strip (their byte offsets), which become
// their minimum and their maximum, four columns a register. A strip is narrow enough that all its rows stay in the
// first-level cache. The values are finite, so pmin and pmax, one instruction each, do; they may lose the sign of a
// zero, which no result shows: every result starts from +0.

import { narrow, widen } from './_doubles';

/** Runs the `network` of `comparators` over a strip of `bytes` a row, a multiple of 64. */
@inline
export function sortStrip(from: usize, bytes: usize, network: usize, comparators: usize): void {
  const networkEnd = network + comparators * 8;
  for (let at = network; at < networkEnd; at += 8)
    compare(from + <usize>load<u32>(at), from + <usize>load<u32>(at, 4), bytes);
}

@inline
function compare(low: usize, high: usize, bytes: usize): void {
  const end = low + bytes;
  while (low < end) {
    const a0 = v128.load(low);
    const b0 = v128.load(high);
    const a1 = v128.load(low, 16);
    const b1 = v128.load(high, 16);
    const a2 = v128.load(low, 32);
    const b2 = v128.load(high, 32);
    const a3 = v128.load(low, 48);
    const b3 = v128.load(high, 48);
    v128.store(low, f32x4.pmin(a0, b0));
    v128.store(high, f32x4.pmax(a0, b0));
    v128.store(low, f32x4.pmin(a1, b1), 16);
    v128.store(high, f32x4.pmax(a1, b1), 16);
    v128.store(low, f32x4.pmin(a2, b2), 32);
    v128.store(high, f32x4.pmax(a2, b2), 32);
    v128.store(low, f32x4.pmin(a3, b3), 48);
    v128.store(high, f32x4.pmax(a3, b3), 48);
    low += 64;
    high += 64;
  }
}

/**
 * Row `to` = the mean of the sorted rows `first` to `last` of `values`, `columns` columns, a multiple of 8. `stride` is
 * bytes from row to row.
 */
export function meanOfRows(values: usize, columns: usize, stride: usize, first: usize, last: usize, to: usize): void {
  const count = f64x2.splat(<f64>(last - first + 1));
  const end = columns * 4;
  for (let at: usize = 0; at < end; at += 32) {
    let sum0 = f64x2.splat(0);
    let sum1 = f64x2.splat(0);
    let sum2 = f64x2.splat(0);
    let sum3 = f64x2.splat(0);
    const rowEnd = values + at + last * stride;
    for (let row = values + at + first * stride; row <= rowEnd; row += stride) {
      sum0 = f64x2.add(sum0, widen(row, 0));
      sum1 = f64x2.add(sum1, widen(row, 8));
      sum2 = f64x2.add(sum2, widen(row, 16));
      sum3 = f64x2.add(sum3, widen(row, 24));
    }
    v128.store(to + at, narrow(f64x2.div(sum0, count), f64x2.div(sum1, count)));
    v128.store(to + at, narrow(f64x2.div(sum2, count), f64x2.div(sum3, count)), 16);
  }
}

/**
 * Row `to` = in each of `columns` columns of sorted rows the mean of the `count` values nearest to the median, the mean
 * of rows `low` and `high`. They are neighbors in the order, and start at the first row that isn't farther away than
 * the row `count` after it.
 */
export function meanOfNearest(
  values: usize,
  columns: usize,
  stride: usize,
  rows: usize,
  count: usize,
  low: usize,
  high: usize,
  to: usize,
): void {
  const divisor = f64x2.splat(<f64>count);
  const half = f64x2.splat(0.5);
  const across = count * stride;
  const end = columns * 4;
  for (let at: usize = 0; at < end; at += 16) {
    const top = values + at;
    const bottom = top + rows * stride;
    const lefts = bottom - across;
    const rights = top + across;
    const lowRow = top + low * stride;
    const highRow = top + high * stride;
    const median0 = f64x2.mul(f64x2.add(widen(lowRow, 0), widen(highRow, 0)), half);
    const median1 = f64x2.mul(f64x2.add(widen(lowRow, 8), widen(highRow, 8)), half);
    let sum0 = f64x2.splat(0);
    let sum1 = f64x2.splat(0);
    let row = top;
    // A value is in unless its place may be before the first (then the value `count` further on decides) or after the
    // last (then the value `count` before it does), or both.
    for (; row < min(lefts, rights); row += stride) {
      const value0 = widen(row, 0);
      const value1 = widen(row, 8);
      sum0 = f64x2.add(sum0, v128.andnot(value0, farther(value0, median0, widen(row + across, 0))));
      sum1 = f64x2.add(sum1, v128.andnot(value1, farther(value1, median1, widen(row + across, 8))));
    }
    for (; row < rights; row += stride) {
      sum0 = f64x2.add(sum0, widen(row, 0));
      sum1 = f64x2.add(sum1, widen(row, 8));
    }
    for (; row < lefts; row += stride) {
      const value0 = widen(row, 0);
      const value1 = widen(row, 8);
      const in0 = v128.andnot(value0, farther(value0, median0, widen(row + across, 0)));
      const in1 = v128.andnot(value1, farther(value1, median1, widen(row + across, 8)));
      sum0 = f64x2.add(sum0, v128.and(in0, farther(widen(row - across, 0), median0, value0)));
      sum1 = f64x2.add(sum1, v128.and(in1, farther(widen(row - across, 8), median1, value1)));
    }
    for (; row < bottom; row += stride) {
      const value0 = widen(row, 0);
      const value1 = widen(row, 8);
      sum0 = f64x2.add(sum0, v128.and(value0, farther(widen(row - across, 0), median0, value0)));
      sum1 = f64x2.add(sum1, v128.and(value1, farther(widen(row - across, 8), median1, value1)));
    }
    v128.store(to + at, narrow(f64x2.div(sum0, divisor), f64x2.div(sum1, divisor)));
  }
}

/** Where `left` is farther from the median than `right`. */
@inline
function farther(left: v128, median: v128, right: v128): v128 {
  return f64x2.lt(f64x2.sub(right, median), f64x2.sub(median, left));
}
