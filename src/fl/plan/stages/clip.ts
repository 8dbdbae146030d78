import { notFinite } from '../../../ring/quantize.js';
import type { Plan } from '../fields.js';
import type { ClientStage } from './stage.js';

/**
 * Client: scales an update down to the clip norm C where its L2 norm is above (Abadi et al. 2016, section 3.1). What
 * comes out isn't above C either, float32 rounding included. Throws `UsageError` (`usage.finite`) on NaN or infinity.
 */
export function clip(plan: Plan): ClientStage {
  if (plan.clip.kind === 'none') return (contribution) => contribution;
  const bound = plan.clip.norm;
  return (contribution) => {
    const norm = l2Norm(contribution.update);
    if (!Number.isFinite(norm)) throw notFinite('update', contribution.update);
    if (norm <= bound) return contribution;
    // Rounding to float32 grows a value by at most 2^-24 of itself; the margin covers that and the doubles' rounding.
    const factor = (bound / norm) * (1 - 2 ** -23);
    return { ...contribution, update: scaled(contribution.update, factor) };
  };
}

function scaled(values: Float32Array, factor: number): Float32Array {
  const result = new Float32Array(values.length);
  for (let i = 0; i < values.length; i += 1) result[i] = (values[i] as number) * factor;
  return result;
}

/** In doubles: the square of a float32 is exact and can't overflow. Four sums, as one would wait for itself. */
function l2Norm(values: Float32Array): number {
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  let i = 0;
  for (; i + 3 < values.length; i += 4) {
    a += (values[i] as number) ** 2;
    b += (values[i + 1] as number) ** 2;
    c += (values[i + 2] as number) ** 2;
    d += (values[i + 3] as number) ** 2;
  }
  for (; i < values.length; i += 1) a += (values[i] as number) ** 2;
  return Math.sqrt(a + b + c + d);
}
