import type { Lanes } from './lanes.js';

/**
 * Parameters of one quantization; the caller has checked that limit * weight is below 2^31 and everything is finite.
 */
export interface QuantizeParameters {
  /** Steps a unit: a value x becomes x * scale steps. */
  readonly scale: number;
  /** The largest integer before weighting; -limit is the smallest. */
  readonly limit: number;
  /** The integer that each rounded value is multiplied with. */
  readonly weight: number;
}

/**
 * Rounds value i to an integer q, up when `rounding[i]` / 2^32 is below its fraction, and writes q * weight mod 2^lane
 * into `lanes[i]`. The three arrays have one length. Returns false if a value was NaN or infinite; the lanes are
 * garbage then.
 */
export type Quantize = (
  values: Float32Array,
  rounding: Uint32Array,
  parameters: QuantizeParameters,
  lanes: Lanes,
) => boolean;

/** The quantization kernel in TypeScript: the same results, bit for bit, where WebAssembly SIMD is missing. */
export const twin: Quantize = (values, rounding, { scale, limit, weight }, lanes) => {
  for (let i = 0; i < values.length; i += 1) {
    const value = values[i] as number;
    if (!Number.isFinite(value)) return false;
    const bounded = Math.min(limit, Math.max(-limit, value * scale));
    const floor = Math.floor(bounded);
    // Comparing is exact for every fraction a double can hold; floor(bounded + draw) would round the sum first.
    const up = (rounding[i] as number) * 2 ** -32 < bounded - floor ? 1 : 0;
    lanes[i] = ((floor + up) * weight) | 0;
  }
  return true;
};
