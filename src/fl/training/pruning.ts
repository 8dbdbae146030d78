/** Magnitude pruning: the smallest weights become and stay 0, more of them as training goes on. */
import { checkChoice, checkInteger, checkNumber, checkOptions } from '../../core/check.js';
import { UsageError } from '../../core/errors.js';
import { gather, largest } from '../compression/select.js';
import type { Schedule } from './schedules.js';
import { checkFlat, type WeightSlot, weightCount } from './weights.js';

/** How many weights `train` prunes, and when. */
export interface PruningOptions {
  /** The part of the prunable weights that is 0, 0 to below 1, at a step counted from 0: see `pruningSchedule`. */
  readonly sparsity: Schedule;
  /** Masks are chosen anew every so many steps; 10 where not given. In between, what is pruned is held at 0. */
  readonly every?: number;
  /** `global`, the default, compares weights across layers; `layer` prunes the same part of each. */
  readonly scope?: PruningScope;
}

export type PruningScope = 'global' | 'layer';

/**
 * Sparsity that rises from `initial` (0 where not given) to `final`, fast at first, between the steps `start` (0 where
 * not given) and `end`: s_f + (s_i - s_f) (1 - t)^3 (Zhu and Gupta, 2017, equation 1). Throws `UsageError`
 * (`usage.range`).
 */
export function pruningSchedule(options: {
  readonly final: number;
  readonly end: number;
  readonly initial?: number;
  readonly start?: number;
}): Schedule {
  checkOptions('options', options);
  const final = checkSparsity('final', options.final);
  const initial = checkSparsity('initial', options.initial ?? 0);
  const start = checkInteger('start', options.start ?? 0, 0, Number.MAX_SAFE_INTEGER - 1);
  const end = checkInteger('end', options.end, start + 1, Number.MAX_SAFE_INTEGER);
  return (step) => {
    const progress = Math.min(1, Math.max(0, (step - start) / (end - start)));
    return final + (initial - final) * (1 - progress) ** 3;
  };
}

/**
 * Which weights stay: 1 for those, 0 for the smallest. Matrices and larger are pruned, while biases and the like, which
 * are few, stay, and so does what isn't trainable. Exactly floor(sparsity * prunable) go; of equals, the last.
 *
 * @param weights a model's flat vector
 * @param layout of the same model
 * @param sparsity 0 to below 1
 * @throws UsageError `training.weights`, `usage.range`, `usage.choice`
 */
export function magnitudeMask(
  weights: Float32Array,
  layout: readonly WeightSlot[],
  { sparsity, scope = 'global' }: { readonly sparsity: number; readonly scope?: PruningScope },
): Uint8Array {
  checkFlat('weights', weights, weightCount(layout));
  checkSparsity('sparsity', sparsity);
  checkChoice('scope', scope, ['global', 'layer']);
  const mask = new Uint8Array(weights.length).fill(1);
  const prunable = layout.filter(isPrunable);
  const groups = scope === 'global' ? [prunable] : prunable.map((slot) => [slot]);
  for (const group of groups) dropSmallest(weights, group, sparsity, mask);
  return mask;
}

/** The weights, with 0 where the mask has 0. Throws `UsageError` (`training.weights`) if lengths differ. */
export function applyMask(weights: Float32Array, mask: Uint8Array): Float32Array {
  checkFlat('weights', weights, mask.length);
  return weights.map((value, index) => (mask[index] === 0 ? 0 : value));
}

/** The part of a mask, or of weights, that is 0. */
export function sparsityOf(values: ArrayLike<number>): number {
  let zeros = 0;
  for (let i = 0; i < values.length; i++) if (values[i] === 0) zeros += 1;
  return values.length === 0 ? 0 : zeros / values.length;
}

export function isPrunable({ trainable, shape }: WeightSlot): boolean {
  return trainable && shape.length >= 2;
}

/** Among a group's weights, which lie in pieces of the flat vector. */
function dropSmallest(weights: Float32Array, group: readonly WeightSlot[], sparsity: number, mask: Uint8Array): void {
  const places = new Uint32Array(weightCount(group));
  let filled = 0;
  for (const { offset, size } of group)
    for (let i = offset; i < offset + size; i++) {
      places[filled] = i;
      filled += 1;
    }
  const values = gather(weights, places);
  if (values.some(Number.isNaN))
    throw new UsageError('training.weights', 'weights must be numbers to be pruned, got NaN');
  for (const place of places) mask[place] = 0;
  const kept = largest(values, places.length - Math.floor(sparsity * places.length));
  for (const i of kept) mask[places[i] as number] = 1; // within, as there are as many values as places
}

/** Returns it if it is a sparsity; throws `UsageError` (`usage.range`) otherwise. */
export function checkSparsity(name: string, sparsity: number): number {
  return checkNumber(name, sparsity, 0, 1 - 2 ** -30);
}
