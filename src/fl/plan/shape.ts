import { noiseReach } from '../../dp/mechanisms/central-mechanism.js';
import { quantizationLimit, quantizationStep, sumBits } from '../../ring/quantize.js';
import { rotatedLength } from '../../ring/rotate.js';
import type { Plan, PlanFields } from './fields.js';
import { compressedLength } from './stages/compress.js';
import { extraDimension } from './stages/optimizer.js';

/**
 * Where everything lies in the one vector that is masked: the update's values, then those that the optimizer takes
 * beside it, then the weight, then the metrics in the plan's order. Values are signed, counters unsigned.
 */
export interface RingShape {
  /** b, bits of a ring element. */
  readonly bits: number;
  /** Elements: values + 1 + metrics. */
  readonly length: number;
}

/** The shape of the vector that the protocol masks and sums. */
export function ringShape(plan: Plan): RingShape {
  return { bits: ringNeeds(plan), length: valuesLength(plan) + 1 + plan.metrics.length };
}

/** Quantized values in the ring: of an update, and what goes beside it. */
export function valuesLength(fields: PlanFields): number {
  return updateLength(fields) + padded(fields, extraDimension(fields));
}

/**
 * Values of an update in the ring: what compression leaves of the dimension, padded to a power of two where it is
 * rotated.
 */
export function updateLength(fields: PlanFields): number {
  return padded(fields, compressedLength(fields));
}

/** Each part is rotated by itself. */
function padded({ rotate }: PlanFields, length: number): number {
  return rotate.kind === 'hadamard' && length > 0 ? rotatedLength(length) : length;
}

/**
 * The b that fields would need, which the rules hold to 32 at most: no sum wraps, but with distributed or central
 * noise, where the probability is 2^-40 at most. It also holds the weight counter, whose sum is at most maxClients *
 * maxWeight <= 2^(b - quantize.bits).
 */
export function ringNeeds(fields: PlanFields): number {
  const { quantize, cohort, privacy } = fields;
  if (quantize.kind === 'conditional') return quantize.ringBits;
  const bits = sumBits(quantize.bits, cohort.maxClients, maxWeight(fields));
  return privacy.kind === 'central' ? Math.max(bits, noisyBits(fields, quantize.bits, privacy.variance)) : bits;
}

/** Noise of the server's goes into the ring too. */
function noisyBits(fields: PlanFields, bits: number, variance: number): number {
  const most = quantizationLimit(bits) * fields.cohort.maxClients * maxWeight(fields) + noiseReach(variance);
  let needed = 1;
  while (2 ** (needed - 1) <= most) needed += 1;
  return needed;
}

/** The largest weight that a client may have. */
export function maxWeight({ weight }: PlanFields): number {
  return weight.kind === 'examples' ? weight.max : 1;
}

/** The fewest cohorts that the plan's robust rule works with; 1 where it has none over cohorts. */
export function leastCohorts({ combine }: PlanFields): number {
  return combine.kind === 'robust' && combine.over === 'cohorts' ? combine.cohorts : 1;
}

/**
 * For each application seed of a session, the survivors from which on it is released: one for each removable component
 * of the noise.
 */
export function releaseAt({ privacy }: PlanFields): readonly number[] {
  return privacy.kind === 'distributed' ? privacy.releaseAt : [];
}

/** The distance of two neighboring values on the grid that updates are rounded to, in their unit. */
export function gridStep({ quantize }: PlanFields): number {
  return quantize.kind === 'conditional' ? quantize.granularity : quantizationStep(quantize);
}
