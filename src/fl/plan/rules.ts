import type { PlanFields } from './schema.js';
import { maxWeight, ringNeeds } from './shape.js';

/** Something that fields, each lawful by itself, must not say together. */
export interface Rule {
  /** Stable: the error's code is `plan.` and this. */
  readonly id: string;
  /** What is refused. */
  readonly what: string;
  readonly why: string;
  /** What to do about it. */
  readonly instead: string;
  /** Says what in `plan` breaks the rule, in numbers; `undefined` if nothing does. */
  readonly check: (plan: PlanFields) => string | undefined;
}

/** Everything that is refused, in the order it is checked. A new stage brings its rules here. */
export const rules: readonly Rule[] = [
  {
    id: 'sum-wraps',
    what: 'a sum that could wrap around the ring',
    why: 'a wrapped sum is wrong without anyone being able to tell, since only the sum is ever seen',
    instead: 'lower quantize.bits, cohort.maxClients or weight.max',
    check: (plan) => {
      const needed = ringNeeds(plan);
      if (needed <= 32) return undefined;
      return (
        `${plan.cohort.maxClients} clients with weights up to ${maxWeight(plan)} and ${plan.quantize.bits}-bit values need a ring of ` +
        `${needed} bits, at most 32 are possible`
      );
    },
  },
  {
    id: 'metric-wraps',
    what: 'a metric whose sum could wrap around the ring',
    why: 'metrics are counters in the same masked vector, and a wrapped counter is wrong without anyone being able to tell',
    instead: "lower the metric's max (count in coarser units), or raise quantize.bits, which widens the ring",
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
    check: ({ clip, quantize }) =>
      clip.kind === 'l2' && quantize.range > clip.norm
        ? `quantize.range is ${quantize.range}, clip.norm ${clip.norm}`
        : undefined,
  },
];

/** The first rule that `plan` breaks, and how. */
export function brokenRule(plan: PlanFields): { readonly rule: Rule; readonly finding: string } | undefined {
  for (const rule of rules) {
    const finding = rule.check(plan);
    if (finding !== undefined) return { rule, finding };
  }
  return undefined;
}
