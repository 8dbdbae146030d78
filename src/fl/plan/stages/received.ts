import type { Plan } from '../fields.js';
import { rotate, unrotate } from './rotate.js';

/**
 * What a server gets of `values` that were compressed already, rounding left aside: rotated, clamped to the quantizer's
 * range, and rotated back. Throws `UsageError` (`usage.finite`, `usage.options`).
 */
export function received(plan: Plan, values: Float32Array, publicSeed: Uint8Array): Float64Array<ArrayBuffer> {
  const clamped = Float64Array.from(rotate(plan, values, publicSeed), clampOf(plan));
  return unrotate(plan, clamped, publicSeed, values.length);
}

/** What the quantizer does to a value that is beyond its range. */
function clampOf({ quantize }: Plan): (value: number) => number {
  if (quantize.kind !== 'stochastic') return (value) => value;
  const { range } = quantize;
  return (value) => Math.max(-range, Math.min(range, value));
}
