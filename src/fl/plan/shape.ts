import { ringBitsFor, sumBits } from '../../ring/quantize.js';
import type { Plan, PlanFields } from './schema.js';

/**
 * Where everything lies in the one vector that is masked: the update's values, then the weight, then the metrics in the
 * plan's order. Values are signed, counters unsigned.
 */
export interface RingShape {
  /** b, bits of a ring element. */
  readonly bits: number;
  /** Elements: dimension + 1 + metrics. */
  readonly length: number;
}

/** The shape of the vector that the protocol masks and sums. */
export function ringShape(plan: Plan): RingShape {
  const bits = ringBitsFor({
    bits: plan.quantize.bits,
    maxClients: plan.cohort.maxClients,
    maxWeight: maxWeight(plan),
  });
  return { bits, length: plan.vector.dimension + 1 + plan.metrics.length };
}

/**
 * The b that fields would need, which the rules hold to 32 at most. It also holds the weight counter, whose sum is at most
 * maxClients * maxWeight <= 2^(b - quantize.bits).
 */
export function ringNeeds(fields: PlanFields): number {
  return sumBits(fields.quantize.bits, fields.cohort.maxClients, maxWeight(fields));
}

/** The largest weight that a client may have. */
export function maxWeight({ weight }: PlanFields): number {
  return weight.kind === 'examples' ? weight.max : 1;
}
