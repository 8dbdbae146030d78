// Squared distances between rows: differences first, then their squares, in float32 over strips of columns, and in
// double precision from there. See ../distances.ts for the interface and ../distances.twin.ts for the same in
// TypeScript.

/** Rows of values: what a second-level cache holds. */
const valueArea = memory.data(1048576, 64);
/** Sums for each pair of 256 rows, as doubles; only those above the diagonal are used. */
const sumArea = memory.data(524288, 64);
const SUM_ROW: usize = 2048;

export function valuesAt(): usize {
  return valueArea;
}

export function sumsAt(): usize {
  return sumArea;
}

/**
 * Adds, for each pair of rows i < j with i < `firstEnd` and j >= `secondStart`, their squared distance over `columns`
 * columns, a multiple of 4, in strips of `strip` columns; `stride` is bytes from row to row.
 */
export function add(
  columns: usize,
  strip: usize,
  stride: usize,
  rows: usize,
  firstEnd: usize,
  secondStart: usize,
): void {
  const end = columns * 4;
  for (let from: usize = 0; from < end; from += strip * 4) {
    const bytes = min(strip * 4, end - from);
    for (let i: usize = 0; i < firstEnd; i += 2) {
      for (let j = max(i + 1, secondStart); j < rows; j += 4) tile(valueArea + from, bytes, stride, i, firstEnd, j, rows);
    }
  }
}

/** Rows i and i+1 against rows j to j+3, as far as they are below `firstEnd` and `rows`: eight sums in registers. */
function tile(from: usize, bytes: usize, stride: usize, i: usize, firstEnd: usize, j: usize, rows: usize): void {
  const two = i + 1 < firstEnd;
  const last = rows - 1;
  let a0 = from + i * stride;
  const a1 = (two ? stride : 0);
  // Rows that aren't there are others once more, and their sums are left.
  let b0 = from + j * stride;
  const b1 = (min(j + 1, last) - j) * stride;
  const b2 = (min(j + 2, last) - j) * stride;
  const b3 = (min(j + 3, last) - j) * stride;
  let s00 = f32x4.splat(0);
  let s01 = f32x4.splat(0);
  let s02 = f32x4.splat(0);
  let s03 = f32x4.splat(0);
  let s10 = f32x4.splat(0);
  let s11 = f32x4.splat(0);
  let s12 = f32x4.splat(0);
  let s13 = f32x4.splat(0);
  for (const end = a0 + bytes; a0 < end; a0 += 16) {
    const x = v128.load(a0);
    const y = v128.load(a0 + a1);
    const u = v128.load(b0);
    s00 = addSquare(s00, x, u);
    s10 = addSquare(s10, y, u);
    const v = v128.load(b0 + b1);
    s01 = addSquare(s01, x, v);
    s11 = addSquare(s11, y, v);
    const w = v128.load(b0 + b2);
    s02 = addSquare(s02, x, w);
    s12 = addSquare(s12, y, w);
    const z = v128.load(b0 + b3);
    s03 = addSquare(s03, x, z);
    s13 = addSquare(s13, y, z);
    b0 += 16;
  }
  a0 = from + i * stride;
  b0 = from + j * stride;
  let sum = sumArea + i * SUM_ROW + j * 8;
  keep(sum, s00, a0, b0, bytes);
  if (j < last) keep(sum + 8, s01, a0, b0 + b1, bytes);
  if (j + 1 < last) keep(sum + 16, s02, a0, b0 + b2, bytes);
  if (j + 2 < last) keep(sum + 24, s03, a0, b0 + b3, bytes);
  if (!two) return;
  a0 += a1;
  sum += SUM_ROW;
  if (j > i + 1) keep(sum, s10, a0, b0, bytes);
  if (j < last) keep(sum + 8, s11, a0, b0 + b1, bytes);
  if (j + 1 < last) keep(sum + 16, s12, a0, b0 + b2, bytes);
  if (j + 2 < last) keep(sum + 24, s13, a0, b0 + b3, bytes);
}

@inline
function addSquare(sum: v128, x: v128, y: v128): v128 {
  const difference = f32x4.sub(x, y);
  return f32x4.add(sum, f32x4.mul(difference, difference));
}

/**
 * Adds a strip's sum to a pair's. Where it is so small that squares were lost, or so large that some overflowed, it is
 * computed again in double precision, which holds the square of any difference of float32 values.
 */
@inline
function keep(sum: usize, lanes: v128, a: usize, b: usize, bytes: usize): void {
  const strip = total(f64x2.promote_low_f32x4(lanes), f64x2.promote_low_f32x4(highHalf(lanes)));
  if (strip >= 1.9259299443872359e-34 && strip <= 1.7976931348623157e308) store<f64>(sum, load<f64>(sum) + strip); // 2^-112
  else keepExact(sum, a, b, bytes);
}

function keepExact(sum: usize, a: usize, b: usize, bytes: usize): void {
  if (same(a, b, bytes)) return;
  let low = f64x2.splat(0);
  let high = f64x2.splat(0);
  for (const end = a + bytes; a < end; a += 16) {
    const x = v128.load(a);
    const y = v128.load(b);
    const lowDifference = f64x2.sub(f64x2.promote_low_f32x4(x), f64x2.promote_low_f32x4(y));
    const highDifference = f64x2.sub(f64x2.promote_low_f32x4(highHalf(x)), f64x2.promote_low_f32x4(highHalf(y)));
    low = f64x2.add(low, f64x2.mul(lowDifference, lowDifference));
    high = f64x2.add(high, f64x2.mul(highDifference, highDifference));
    b += 16;
  }
  store<f64>(sum, load<f64>(sum) + total(low, high));
}

/** Rows are often equal over whole strips, where a model is frozen: this is quicker. */
function same(a: usize, b: usize, bytes: usize): bool {
  let difference = i32x4.splat(0);
  for (const end = a + bytes; a < end; a += 16) {
    difference = v128.or(difference, v128.xor(v128.load(a), v128.load(b)));
    b += 16;
  }
  return !v128.any_true(difference);
}

@inline
function highHalf(lanes: v128): v128 {
  return v128.shuffle<i64>(lanes, lanes, 1, 0);
}

/** The sum of four lanes. */
@inline
function total(low: v128, high: v128): f64 {
  return (
    f64x2.extract_lane(low, 0) + f64x2.extract_lane(low, 1) + (f64x2.extract_lane(high, 0) + f64x2.extract_lane(high, 1))
  );
}
