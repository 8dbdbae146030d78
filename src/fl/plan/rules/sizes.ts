import { maxVectorLength } from '../../../ring/vector.js';
import { maxWeight, ringNeeds, valuesLength } from '../shape.js';
import type { Rule } from './rule.js';

/** What has to fit the ring, and what results are called. */
export const sizeRules: readonly Rule[] = [
  {
    id: 'sum-wraps',
    what: 'a sum that could wrap around the ring',
    why: 'a wrapped sum is wrong without anyone being able to tell, since only the sum is ever seen',
    instead:
      'lower quantize.bits, cohort.maxClients or weight.max; under conditional rounding raise quantize.ringBits; central noise needs room too: fewer bits, or less noise',
    compileTime: false,
    check: (plan) => {
      const { quantize, cohort } = plan;
      const needed = ringNeeds(plan);
      if (quantize.kind === 'conditional')
        return cohort.maxClients >= 2 ** needed
          ? `a ring of ${needed} bits can't count ${cohort.maxClients} clients`
          : undefined;
      if (needed <= 32) return undefined;
      return (
        `${cohort.maxClients} clients with weights up to ${maxWeight(plan)} and ${quantize.bits}-bit values need a ring of ` +
        `${needed} bits${plan.privacy.kind === 'central' ? ', noise included' : ''}, at most 32 are possible`
      );
    },
  },
  {
    id: 'vector-long',
    what: 'a vector that is too long to be masked',
    why: 'the protocol masks 2^28 values at most: those of an update, padded where it is rotated, what the optimizer takes beside it, and counters',
    instead: 'an optimizer that takes updates alone, no rotation, or a compression',
    compileTime: false,
    check: (plan) => {
      const length = valuesLength(plan) + 1 + plan.metrics.length;
      return length > maxVectorLength ? `it has ${length} values` : undefined;
    },
  },
  {
    id: 'metric-wraps',
    what: 'a metric whose sum could wrap around the ring',
    why: 'metrics are counters in the same masked vector, and a wrapped counter is wrong without anyone being able to tell',
    instead: "lower the metric's max (count in coarser units), or raise quantize.bits, which widens the ring",
    compileTime: false,
    check: (plan) => {
      const bits = ringNeeds(plan);
      const wraps = plan.metrics.find((metric) => plan.cohort.maxClients * metric.max >= 2 ** bits);
      if (wraps === undefined) return undefined;
      return `${wraps.name}: ${plan.cohort.maxClients} clients times ${wraps.max} doesn't fit the plan's ring of ${bits} bits`;
    },
  },
  {
    id: 'metric-repeated',
    what: 'two metrics of one name',
    why: 'results are looked up by name',
    instead: 'rename one',
    compileTime: false,
    check: ({ metrics }) => {
      const names = metrics.map((metric) => metric.name);
      return names.find((name, position) => names.indexOf(name) !== position);
    },
  },
  {
    id: 'range-beyond-clip',
    what: 'a quantization range above the clip norm',
    why: 'no coordinate of a clipped update is beyond the clip norm, so part of the bits would never be used',
    instead: 'lower quantize.range to clip.norm or below',
    compileTime: false,
    check: ({ clip, compress, quantize }) =>
      clip.kind === 'l2' &&
      compress.kind !== 'count-sketch' &&
      quantize.kind === 'stochastic' &&
      quantize.range > clip.norm
        ? `quantize.range is ${quantize.range}, clip.norm ${clip.norm}`
        : undefined,
  },
];
