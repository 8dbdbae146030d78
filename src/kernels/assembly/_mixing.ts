// Weighted sums of rows in double precision, for the kernels that need them. See ../mix.twin.ts for the same in
// TypeScript.

import { narrow, widen } from './_doubles';

/** For each group of four rows the sums of its 16 subsets, 16 columns of doubles each. */
const tableArea = memory.data(131072, 64);

const ENTRY: usize = 128;
const GROUP: usize = 2048;

/**
 * Row `to` = the sum of weight * row over the `count` entries of `list`: pairs of a weight (f64) and a byte offset from
 * `values` (u32, padded to 8 bytes). `columns` is a multiple of 16.
 */
export function weighRows(values: usize, columns: usize, list: usize, count: usize, to: usize): void {
  const listEnd = list + count * 16;
  const end = columns * 4;
  for (let at: usize = 0; at < end; at += 64) {
    let s0 = f64x2.splat(0);
    let s1 = f64x2.splat(0);
    let s2 = f64x2.splat(0);
    let s3 = f64x2.splat(0);
    let s4 = f64x2.splat(0);
    let s5 = f64x2.splat(0);
    let s6 = f64x2.splat(0);
    let s7 = f64x2.splat(0);
    for (let entry = list; entry < listEnd; entry += 16) {
      const weight = v128.load64_splat(entry);
      const row = values + <usize>load<u32>(entry, 8) + at;
      s0 = f64x2.add(s0, f64x2.mul(weight, widen(row, 0)));
      s1 = f64x2.add(s1, f64x2.mul(weight, widen(row, 8)));
      s2 = f64x2.add(s2, f64x2.mul(weight, widen(row, 16)));
      s3 = f64x2.add(s3, f64x2.mul(weight, widen(row, 24)));
      s4 = f64x2.add(s4, f64x2.mul(weight, widen(row, 32)));
      s5 = f64x2.add(s5, f64x2.mul(weight, widen(row, 40)));
      s6 = f64x2.add(s6, f64x2.mul(weight, widen(row, 48)));
      s7 = f64x2.add(s7, f64x2.mul(weight, widen(row, 56)));
    }
    v128.store(to + at, narrow(s0, s1));
    v128.store(to + at, narrow(s2, s3), 16);
    v128.store(to + at, narrow(s4, s5), 32);
    v128.store(to + at, narrow(s6, s7), 48);
  }
}

/**
 * Each of `sums` rows from `to` on = its weight * the sum of its rows. The list holds the weights, and then for each
 * sum and each of `groups` groups of four rows where the subset's sum will be: group * 2048 + subset * 128. `stride`
 * and `toStride` are bytes from row to row, of values and of sums; `columns` is a multiple of 16.
 *
 * The subsets' sums are made once for 16 columns and used by all sums (the method of Four Russians).
 */
export function weighGroups(
  values: usize,
  columns: usize,
  stride: usize,
  list: usize,
  groups: usize,
  sums: usize,
  to: usize,
  toStride: usize,
): void {
  const end = columns * 4;
  const tableEnd = tableArea + groups * GROUP;
  for (let at: usize = 0; at < end; at += 64) {
    let row = values + at;
    for (let table = tableArea; table < tableEnd; table += GROUP) {
      for (let pair: usize = 0; pair < 8; pair += 1) addSubsets(row + pair * 8, stride, table + pair * 16);
      row += 4 * stride;
    }
    let weight = list;
    let result = to + at;
    let entry = list + sums * 8;
    for (let sum: usize = 0; sum < sums; sum += 1) {
      const entryEnd = entry + groups * 4;
      let s0 = f64x2.splat(0);
      let s1 = f64x2.splat(0);
      let s2 = f64x2.splat(0);
      let s3 = f64x2.splat(0);
      let s4 = f64x2.splat(0);
      let s5 = f64x2.splat(0);
      let s6 = f64x2.splat(0);
      let s7 = f64x2.splat(0);
      for (; entry < entryEnd; entry += 4) {
        const subset = tableArea + <usize>load<u32>(entry);
        s0 = f64x2.add(s0, v128.load(subset));
        s1 = f64x2.add(s1, v128.load(subset, 16));
        s2 = f64x2.add(s2, v128.load(subset, 32));
        s3 = f64x2.add(s3, v128.load(subset, 48));
        s4 = f64x2.add(s4, v128.load(subset, 64));
        s5 = f64x2.add(s5, v128.load(subset, 80));
        s6 = f64x2.add(s6, v128.load(subset, 96));
        s7 = f64x2.add(s7, v128.load(subset, 112));
      }
      const w = v128.load64_splat(weight);
      v128.store(result, narrow(f64x2.mul(s0, w), f64x2.mul(s1, w)));
      v128.store(result, narrow(f64x2.mul(s2, w), f64x2.mul(s3, w)), 16);
      v128.store(result, narrow(f64x2.mul(s4, w), f64x2.mul(s5, w)), 32);
      v128.store(result, narrow(f64x2.mul(s6, w), f64x2.mul(s7, w)), 48);
      weight += 8;
      result += toStride;
    }
  }
}

/**
 * The sums of all subsets of four rows, two columns: subset s has row i where bit i of s is set, and is added upwards.
 */
@inline
function addSubsets(row: usize, stride: usize, to: usize): void {
  const a = widen(row, 0);
  const b = widen(row + stride, 0);
  const c = widen(row + 2 * stride, 0);
  const d = widen(row + 3 * stride, 0);
  const ab = f64x2.add(a, b);
  const ac = f64x2.add(a, c);
  const bc = f64x2.add(b, c);
  const abc = f64x2.add(ab, c);
  v128.store(to, f64x2.splat(0));
  v128.store(to, a, ENTRY);
  v128.store(to, b, 2 * ENTRY);
  v128.store(to, ab, 3 * ENTRY);
  v128.store(to, c, 4 * ENTRY);
  v128.store(to, ac, 5 * ENTRY);
  v128.store(to, bc, 6 * ENTRY);
  v128.store(to, abc, 7 * ENTRY);
  v128.store(to, d, 8 * ENTRY);
  v128.store(to, f64x2.add(a, d), 9 * ENTRY);
  v128.store(to, f64x2.add(b, d), 10 * ENTRY);
  v128.store(to, f64x2.add(ab, d), 11 * ENTRY);
  v128.store(to, f64x2.add(c, d), 12 * ENTRY);
  v128.store(to, f64x2.add(ac, d), 13 * ENTRY);
  v128.store(to, f64x2.add(bc, d), 14 * ENTRY);
  v128.store(to, f64x2.add(abc, d), 15 * ENTRY);
}
