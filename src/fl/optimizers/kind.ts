import type * as v from 'valibot';
import { InternalError } from '../../core/errors.js';
import type { Spec } from '../spec.js';

/**
 * A server optimizer takes the mean of a round's updates (trained model minus the model they began with) as a negative
 * gradient, and says by how much the model changes (Reddi et al. 2021, "Adaptive Federated Optimization", algorithm 2,
 * whose signs these are). Everything is computed in doubles.
 */

/** What one round gives an optimizer. */
export interface StepInput {
  /** Mean of the contributions, weighted as the plan says: `contributionLength(dimension)` values. */
  readonly mean: Float64Array;
  /** Clients in the mean. */
  readonly survivors: number;
  /** This round's number among those that the optimizer took, from 1. */
  readonly step: number;
  /** What it remembers: as many vectors of the model's dimension as `slots` says. Not to be changed. */
  readonly slots: readonly Float64Array[];
}

/** What the optimizer makes of it. */
export interface StepOutput {
  /** To be added to the model. */
  readonly change: Float64Array;
  /** To be remembered. */
  readonly slots: readonly Float64Array[];
}

/** A family of optimizers that differ in their numbers. */
export interface OptimizerKind<S extends Spec> {
  readonly schema: v.GenericSchema<unknown, S>;
  /** What each remembered vector is filled with before the first round. */
  readonly slots: (spec: S) => readonly number[];
  /** Values that a client contributes for a model of `dimension` values. */
  readonly contributionLength: (dimension: number) => number;
  /** Whether the arithmetic asks that every client count the same. */
  readonly uniform: boolean;
  readonly step: (spec: S, input: StepInput) => StepOutput;
}

/** For kinds whose contribution is the update and no more. */
export function updateOnly(dimension: number): number {
  return dimension;
}

/** What is remembered in slot `i`. */
export function slotOf({ slots }: StepInput, i: number): Float64Array {
  const slot = slots[i];
  if (slot === undefined) throw new InternalError('optimizer.slots', `slot ${i} of ${slots.length} was asked for`);
  return slot;
}
