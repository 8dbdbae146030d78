import { checkInteger, checkNumber, describe } from '../../core/check.js';
import { UsageError } from '../../core/errors.js';
import type { RandomSource } from '../../core/random.js';
import type { NoiseSampler } from '../samplers/sampler.js';

/**
 * Central noise: the server adds it to the sum, so it has to be trusted with the sum. Values are put on a grid of steps
 * of a power of two first, and the noise is integers of that grid. So what comes out is always a whole number of steps,
 * for every input, and says nothing by its low bits, as a continuous Gaussian in floating point does (Mironov 2012).
 */
export interface GridNoiseOptions {
  /** Binary exponent of the grid step, from -1000 to 900: steps are 2^exponent. */
  readonly exponent: number;
  /** Integer noise, in steps. */
  readonly sampler: NoiseSampler;
  readonly random: RandomSource;
}

/**
 * Each value rounded to the nearest grid point, plus noise, as a new array of doubles that are grid points.
 *
 * @throws UsageError `usage.floats`, `usage.range`, `usage.finite`, and `dp.grid` for a value above 2^52 steps
 */
export function addGridNoise(
  values: Float32Array | Float64Array,
  { exponent, sampler, random }: GridNoiseOptions,
): Float64Array<ArrayBuffer> {
  if (!(values instanceof Float32Array) && !(values instanceof Float64Array))
    throw new UsageError('usage.floats', `values must be a Float32Array or Float64Array, got ${describe(values)}`);
  const step = 2 ** checkInteger('exponent', exponent, -1000, 900);
  const integers = new Float64Array(values.length);
  for (let i = 0; i < values.length; i += 1) {
    const value = values[i] as number;
    if (!Number.isFinite(value))
      throw new UsageError('usage.finite', `values[${i}] is ${value}: every value must be a finite number`);
    const integer = Math.round(value / step);
    if (Math.abs(integer) > 2 ** 52)
      throw new UsageError('dp.grid', `values[${i}] is above 2^52 grid steps of ${step}: raise the exponent`);
    integers[i] = integer;
  }
  const noise = new Float64Array(values.length);
  sampler.fill(noise, random);
  for (let i = 0; i < integers.length; i += 1) {
    // Both are integers below 2^53 in size: their sum is one within a rounding that depends on nothing but the sum.
    integers[i] = ((integers[i] as number) + (noise[i] as number)) * step;
  }
  noise.fill(0);
  return integers;
}

/**
 * integers + noise as new integers: for the decoded sum of a session.
 *
 * @throws UsageError `usage.integers`
 */
export function addIntegerNoise(
  integers: Int32Array,
  options: { readonly sampler: NoiseSampler; readonly random: RandomSource },
): Float64Array<ArrayBuffer> {
  if (!(integers instanceof Int32Array))
    throw new UsageError('usage.integers', `integers must be an Int32Array, got ${describe(integers)}`);
  const noisy = new Float64Array(integers.length);
  options.sampler.fill(noisy, options.random);
  for (let i = 0; i < noisy.length; i += 1) noisy[i] = (noisy[i] as number) + (integers[i] as number);
  return noisy;
}

/**
 * The L2 sensitivity of a sum on the grid, in steps: two real sums at most `sensitivity` apart are at most
 * sensitivity/step + sqrt(d) apart once rounded, as each coordinate moves by less than a step more. Sums of integers
 * need no such addition.
 *
 * @throws UsageError `usage.range`
 */
export function gridSensitivity(options: {
  readonly sensitivity: number;
  readonly exponent: number;
  readonly dimension: number;
}): number {
  const sensitivity = checkNumber('sensitivity', options.sensitivity, 0, Number.MAX_VALUE);
  const step = 2 ** checkInteger('exponent', options.exponent, -1000, 900);
  const dimension = checkInteger('dimension', options.dimension, 1, 2 ** 32);
  return (sensitivity / step + Math.sqrt(dimension)) * (1 + 2 ** -50);
}
