import { decodeSum, quantizationLimit, quantizationStep, quantize as quantizeToRing } from '../../ring/quantize.js';
import { integer, kindSchema, magnitude } from '../spec.js';
import { type CompressionKind, contextLacks, sameLength } from './kind.js';

/**
 * Stochastic rounding to integers of `bits` bits, with one scale for all clients (Alistarh et al. 2017, QSGD; Suresh et
 * al. 2017): values are clamped to [-range, range], and rounded up or down at random so that the mean is right. Sums of
 * such integers are exact mod 2^b. Unbiased for values within the range.
 */
export interface QuantizeSpec {
  readonly kind: 'quantize';
  /** 4 to 16, sign included. */
  readonly bits: number;
  readonly range: number;
}

export const quantize: CompressionKind<QuantizeSpec> = {
  schema: kindSchema('quantize', { bits: integer(4, 16), range: magnitude() }),
  linear: false,
  additive: true,
  unbiased: () => true,
  length: sameLength,
  client: ({ bits, range }, values, { rounding }) => {
    if (typeof rounding !== 'function') throw contextLacks('quantize', 'rounding: a source of uniform 32-bit numbers');
    const words = rounding(values.length);
    const vector = quantizeToRing(values, { bits, range, weight: 1, rounding: words, ringBits: bits });
    return Float32Array.from(decodeSum(vector));
  },
  server: ({ bits, range }, sum) => {
    const step = quantizationStep({ bits, range });
    return sum.map((integer) => integer * step);
  },
  integers: ({ bits }) => ({ bits, range: quantizationLimit(bits) }),
};
