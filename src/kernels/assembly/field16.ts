// Sums of products over GF(2^16) = GF(2)[x] / (x^16 + x^5 + x^3 + x + 1): sums[i] += scalar[i] * row, rows of 16
// symbols.
//
// The rows are secret, the scalars are public. A row's multiples by every nibble are prepared once (the method of Four
// Russians), with shifts and masks only; a product is then four loads, chosen by the public scalar, and their sum.

/** Bytes of a row: 16 symbols, two vectors. */
const ROW: usize = 32;
/**
 * Most rows and sums of one call, and most scalars (rows times sums): field16.ts knows them too. One page holds all.
 */
const ROWS: usize = 64;
const SUMS: usize = 1024;
const SCALARS: usize = 8192;

const table = memory.data(64 * ROW, 64);
const rowsAt = memory.data(ROWS * ROW, 64);
const sumsAt = memory.data(SUMS * ROW, 64);
const scalarsAt = memory.data(SCALARS * 2, 64);

export function rows(): usize { return rowsAt; }
export function sums(): usize { return sumsAt; }
export function scalars(): usize { return scalarsAt; }

/** x * v: shift, and where a bit fell out, add what x^16 is. */
@inline
function double(v: v128): v128 {
  return v128.xor(i16x8.shl(v, 1), v128.and(i16x8.shr_s(v, 15), i16x8.splat(0x2b)));
}

/** Fills 16 entries at `at` with the multiples of v by 0..15; returns x^4 * v. */
function prepare(at: usize, v1: v128): v128 {
  const v2 = double(v1);
  const v4 = double(v2);
  const v8 = double(v4);
  const v3 = v128.xor(v1, v2);
  const v12 = v128.xor(v4, v8);
  v128.store(at, v1, 1 * ROW);
  v128.store(at, v2, 2 * ROW);
  v128.store(at, v3, 3 * ROW);
  v128.store(at, v4, 4 * ROW);
  v128.store(at, v128.xor(v4, v1), 5 * ROW);
  v128.store(at, v128.xor(v4, v2), 6 * ROW);
  v128.store(at, v128.xor(v4, v3), 7 * ROW);
  v128.store(at, v8, 8 * ROW);
  v128.store(at, v128.xor(v8, v1), 9 * ROW);
  v128.store(at, v128.xor(v8, v2), 10 * ROW);
  v128.store(at, v128.xor(v8, v3), 11 * ROW);
  v128.store(at, v12, 12 * ROW);
  v128.store(at, v128.xor(v12, v1), 13 * ROW);
  v128.store(at, v128.xor(v12, v2), 14 * ROW);
  v128.store(at, v128.xor(v12, v3), 15 * ROW);
  return double(v8);
}

/** sums[i] += sum over j of scalars[j * count + i] * rows[j]; scalars row by row, i < count, j < rowCount. */
export function addProducts(count: usize, rowCount: usize): void {
  let scalar = scalarsAt;
  for (let row = rowsAt, rowEnd = rowsAt + rowCount * ROW; row < rowEnd; row += ROW) {
    let low = v128.load(row);
    let high = v128.load(row, 16);
    for (let nibble = table; nibble < table + 64 * ROW; nibble += 16 * ROW) {
      low = prepare(nibble, low);
      high = prepare(nibble + 16, high);
    }
    for (let sum = sumsAt, sumEnd = sumsAt + count * ROW; sum < sumEnd; sum += ROW) {
      const s = <usize>load<u16>(scalar);
      scalar += 2;
      const a = table + ((s & 0x000f) << 5);
      const b = table + ((s & 0x00f0) << 1);
      const c = table + ((s & 0x0f00) >> 3);
      const d = table + ((s & 0xf000) >> 7);
      v128.store(sum, v128.xor(v128.load(sum), v128.xor(
        v128.xor(v128.load(a), v128.load(b, 16 * ROW)), v128.xor(v128.load(c, 32 * ROW), v128.load(d, 48 * ROW)))));
      v128.store(sum, v128.xor(v128.load(sum, 16), v128.xor(
        v128.xor(v128.load(a, 16), v128.load(b, 16 * ROW + 16)), v128.xor(v128.load(c, 32 * ROW + 16), v128.load(d, 48 * ROW + 16)))), 16);
    }
  }
}

/** Overwrites the secrets of a call with zeros. */
export function wipe(count: usize): void {
  memory.fill(table, 0, 64 * ROW);
  memory.fill(sumsAt, 0, count * ROW);
  memory.fill(rowsAt, 0, ROWS * ROW);
}
