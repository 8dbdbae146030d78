/**
 * Stochastic rounding of float32 values to integers, times a weight, into lanes. Every step is one IEEE 754 double
 * operation in the order of the TypeScript twin, so that both give the same bits.
 */

const valueArea = memory.data(16384, 64);
const roundingArea = memory.data(16384, 64);
const laneArea = memory.data(16384, 64);

export function valuesAt(): usize {
  return valueArea;
}

export function roundingAt(): usize {
  return roundingArea;
}

export function lanesAt(): usize {
  return laneArea;
}

/**
 * Quantizes `count` values (at most 4096; rounded up to a multiple of four) and returns 0 if all of them were finite.
 * `scale` is steps a unit, `limit` the largest integer, `laneBytes` 1, 2 or 4.
 */
export function quantize(count: i32, scale: f64, limit: f64, weight: f64, laneBytes: i32): i32 {
  const scales = f64x2.splat(scale);
  const limits = f64x2.splat(limit);
  const weights = f64x2.splat(weight);
  let strange = i32x4.splat(0);
  let to: usize = laneArea;
  for (let at: usize = 0, end = (<usize>count) << 2; at < end; at += 16) {
    const values = v128.load(valueArea + at);
    const difference = f32x4.sub(values, values);
    strange = v128.or(strange, f32x4.ne(difference, f32x4.splat(0)));
    const rounding = v128.load(roundingArea + at);
    const low = round(values, rounding, scales, limits, weights);
    const high = round(swapHalves(values), swapHalves(rounding), scales, limits, weights);
    const whole = v128.shuffle<i64>(low, high, 0, 2);
    if (laneBytes == 4) {
      v128.store(to, whole);
      to += 16;
    } else if (laneBytes == 2) {
      const narrow = i8x16.swizzle(whole, i8x16(0, 1, 4, 5, 8, 9, 12, 13, -1, -1, -1, -1, -1, -1, -1, -1));
      v128.store64_lane(to, narrow, 0);
      to += 8;
    } else {
      const narrow = i8x16.swizzle(whole, i8x16(0, 4, 8, 12, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1));
      v128.store32_lane(to, narrow, 0);
      to += 4;
    }
  }
  return <i32>v128.any_true(strange);
}

@inline
function swapHalves(vector: v128): v128 {
  return v128.shuffle<i64>(vector, vector, 1, 0);
}

/** Two weighted integers as i32 in the low half, from the low halves of `values` and `rounding`. */
@inline
function round(values: v128, rounding: v128, scales: v128, limits: v128, weights: v128): v128 {
  const scaled = f64x2.mul(f64x2.promote_low_f32x4(values), scales);
  const bounded = f64x2.pmin(limits, f64x2.pmax(f64x2.neg(limits), scaled));
  const floor = f64x2.floor(bounded);
  const draw = f64x2.mul(f64x2.convert_low_i32x4_u(rounding), f64x2.splat(2.3283064365386963e-10)); // 2^-32
  const up = v128.and(f64x2.lt(draw, f64x2.sub(bounded, floor)), f64x2.splat(1));
  return i32x4.trunc_sat_f64x2_s_zero(f64x2.mul(f64x2.add(floor, up), weights));
}
