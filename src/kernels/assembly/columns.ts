// Order statistics of columns: each column of a block of rows is sorted by a sorting network, then its middle is read. See
// ../columns.ts for the interface and ../columns.twin.ts for the same in TypeScript.
//
// The network is data, not code: a list of comparators, each two rows of the block, which become their minimum and their
// maximum, four columns a register. It is run over a strip of columns narrow enough that all rows of the strip stay in the
// first-level cache. The values are finite, so pmin and pmax, one instruction each, do; they may lose the sign of a zero,
// which no result shows: every result starts from +0.

import { narrow, widen } from './_doubles';

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
  const networkEnd = networkArea + comparators * 8;
  const end = valueArea + columns * 4;
  for (let from = valueArea; from < end; from += strip * 4) {
    const bytes = min(strip * 4, end - from);
    for (let at = networkArea; at < networkEnd; at += 8) {
      compare(from + <usize>load<u32>(at), from + <usize>load<u32>(at, 4), bytes);
    }
  }
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

/** Results from the sorted rows `first` to `last` of `columns` columns: their mean. `stride` is bytes from row to row. */
export function mean(columns: usize, stride: usize, first: usize, last: usize): void {
  const count = f64x2.splat(<f64>(last - first + 1));
  const end = columns * 4;
  for (let at: usize = 0; at < end; at += 32) {
    let sum0 = f64x2.splat(0);
    let sum1 = f64x2.splat(0);
    let sum2 = f64x2.splat(0);
    let sum3 = f64x2.splat(0);
    const rowEnd = valueArea + at + last * stride;
    for (let row = valueArea + at + first * stride; row <= rowEnd; row += stride) {
      sum0 = f64x2.add(sum0, widen(row, 0));
      sum1 = f64x2.add(sum1, widen(row, 8));
      sum2 = f64x2.add(sum2, widen(row, 16));
      sum3 = f64x2.add(sum3, widen(row, 24));
    }
    v128.store(resultArea + at, narrow(f64x2.div(sum0, count), f64x2.div(sum1, count)));
    v128.store(resultArea + at, narrow(f64x2.div(sum2, count), f64x2.div(sum3, count)), 16);
  }
}

/**
 * Results from the sorted rows of `columns` columns: the mean of the `count` values nearest to the median, the mean of rows
 * `low` and `high`. They are neighbors in the order, and start at the first row that isn't farther away than the row
 * `count` after it.
 */
export function meanAroundMedian(
  columns: usize,
  stride: usize,
  rows: usize,
  count: usize,
  low: usize,
  high: usize,
): void {
  const divisor = f64x2.splat(<f64>count);
  const half = f64x2.splat(0.5);
  const across = count * stride;
  const end = columns * 4;
  for (let at: usize = 0; at < end; at += 16) {
    const top = valueArea + at;
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
    // A value is in unless its place may be before the first (then the value `count` further on decides) or after the last
    // (then the value `count` before it does), or both.
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
    v128.store(resultArea + at, narrow(f64x2.div(sum0, divisor), f64x2.div(sum1, divisor)));
  }
}

/** Where `left` is farther from the median than `right`. */
@inline
function farther(left: v128, median: v128, right: v128): v128 {
  return f64x2.lt(f64x2.sub(right, median), f64x2.sub(median, left));
}
