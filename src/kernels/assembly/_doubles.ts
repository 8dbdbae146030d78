// Between rows of float32 values and the doubles that kernels compute in.

/** Two float32 values as doubles. */
@inline
export function widen(at: usize, offset: usize): v128 {
  return f64x2.promote_low_f32x4(v128.load64_zero(at + offset));
}

/** Four doubles as float32 values. */
@inline
export function narrow(low: v128, high: v128): v128 {
  return v128.shuffle<i64>(f32x4.demote_f64x2_zero(low), f32x4.demote_f64x2_zero(high), 0, 2);
}
