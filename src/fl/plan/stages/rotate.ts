import { notFinite } from '../../../ring/quantize.js';
import { rotate as rotateValues, unrotate as unrotateValues } from '../../../ring/rotate.js';
import type { PlanFields } from '../fields.js';
import { seedFor } from './seed.js';

/**
 * Client: the update rotated under the round's public seed, so that no coordinate is much larger than the others.
 * Server: the inverse, on a decoded sum. The seed is one for all cohorts of a round, and follows from what the round's
 * contexts agree on.
 */

/** In single precision, as the quantizer takes it. Throws `UsageError` (`usage.finite`, `usage.options`). */
export function rotate(plan: PlanFields, update: Float32Array, seed: Uint8Array | undefined): Float32Array {
  if (plan.rotate.kind === 'none') return update;
  if (!update.every(Number.isFinite)) throw notFinite('update', update);
  return Float32Array.from(rotateValues(update, seedFor(plan, seed)));
}

/** Of a sum, or of a mean, of vectors that had `length` values. Throws `UsageError` (`usage.options`). */
export function unrotate(
  plan: PlanFields,
  values: Float64Array<ArrayBuffer>,
  seed: Uint8Array | undefined,
  length: number,
): Float64Array<ArrayBuffer> {
  if (plan.rotate.kind === 'none') return values;
  return unrotateValues(values, seedFor(plan, seed), length);
}
