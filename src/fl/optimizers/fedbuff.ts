import * as v from 'valibot';
import { checkInteger } from '../../core/check.js';
import { kindSchema, magnitude, number, parseFields } from '../spec.js';
import { checkFloatVector, type FloatVector, vectorLike } from '../vectors.js';
import { type OptimizerKind, updateOnly } from './kind.js';

/**
 * What an update counts that began with a model of `staleness` versions ago, in (0, 1]; 1 where it is fresh.
 * `polynomial` with exponent 1/2 is FedBuff's (Nguyen et al. 2022, section 5); `hinge` is FedAsync's (Xie et al. 2019,
 * section 5.2).
 */
export type StalenessSpec =
  | { readonly kind: 'constant' }
  /** (1 + staleness)^-exponent; the exponent from 0 to 16, 0.5 if not given. */
  | { readonly kind: 'polynomial'; readonly exponent: number }
  /** 1 up to a staleness of `after`, then 1 / (slope * (staleness - after) + 1). */
  | { readonly kind: 'hinge'; readonly after: number; readonly slope: number };

export const stalenessSchema: v.GenericSchema<unknown, StalenessSpec> = v.variant('kind', [
  v.strictObject({ kind: v.literal('constant') }),
  v.strictObject({ kind: v.literal('polynomial'), exponent: v.optional(number(0, 16), 0.5) }),
  v.strictObject({ kind: v.literal('hinge'), after: number(0, 2 ** 32), slope: magnitude() }),
]);

/**
 * Buffered asynchronous aggregation: x += learningRate * mean, where each client multiplied its own update with its
 * staleness weight before masking, and the mean is over the number of clients, not over the weights: a buffer full of
 * stale updates moves the model less.
 */
export interface FedBuffSpec {
  readonly kind: 'fedbuff';
  /** 1 if not given. */
  readonly learningRate: number;
  /** Polynomial with exponent 0.5 if not given. */
  readonly staleness: StalenessSpec;
}

export const fedbuff: OptimizerKind<FedBuffSpec> = {
  schema: kindSchema('fedbuff', {
    learningRate: v.optional(magnitude(), 1),
    staleness: v.optional(stalenessSchema, { kind: 'polynomial' }),
  }),
  slots: () => [],
  contributionLength: updateOnly,
  uniform: true,
  step: ({ learningRate }, { mean }) => ({ change: mean.map((value) => learningRate * value), slots: [] }),
};

/** A staleness rule from plain data. Throws `UsageError` (`staleness.schema`). */
export function defineStaleness(input: unknown): StalenessSpec {
  return parseFields('staleness.schema', 'staleness', stalenessSchema, input);
}

/**
 * What an update counts that began `staleness` versions ago, 0 to 2^32. Throws `UsageError` (`staleness.schema`,
 * `usage.range`).
 */
export function stalenessWeight(rule: StalenessSpec, staleness: number): number {
  const checked = defineStaleness(rule);
  checkInteger('staleness', staleness, 0, 2 ** 32);
  switch (checked.kind) {
    case 'constant':
      return 1;
    case 'polynomial':
      return (1 + staleness) ** -checked.exponent;
    case 'hinge':
      return staleness <= checked.after ? 1 : 1 / (checked.slope * (staleness - checked.after) + 1);
  }
}

/**
 * Client: its update, weighted by its own staleness before anyone sees it. Throws as `stalenessWeight`, and
 * `usage.floats`.
 */
export function staleContribution<V extends FloatVector>(rule: StalenessSpec, update: V, staleness: number): V {
  checkFloatVector('update', update);
  const weight = stalenessWeight(rule, staleness);
  return vectorLike(update, update.length, (i) => weight * (update[i] as number));
}
