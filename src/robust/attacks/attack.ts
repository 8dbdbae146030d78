import { checkInteger, checkOptions } from '../../core/check.js';
import { UsageError } from '../../core/errors.js';
import type { RandomSource } from '../../core/random.js';
import { accept, type Vectors } from '../input.js';
import type { PlainRows } from '../rows.js';
import { sourceOnDemand } from '../seeded.js';
import { averagingWeights } from '../shares.js';
import { at, type FloatVector, zerosLike } from '../vectors.js';

/** What the attackers agree on. */
export interface CraftOptions {
  /** How many vectors to make, the number of attackers; default 1. */
  readonly count?: number;
  /** For attacks with randomness: 16 to 1024 bytes. */
  readonly seed?: Uint8Array;
}

/** The attackers' vectors. */
export interface Crafted<T extends FloatVector> {
  /** `count` vectors of d values; the same array again and again where they agree on one. */
  readonly vectors: readonly T[];
  /** The factor that an attack searched for, where it did. */
  readonly strength?: number;
}

/**
 * An attack for trying rules: from the honest vectors, which attackers are taken to know, to the attackers'. For tests
 * and experiments.
 */
export interface Attack {
  readonly name: string;
  /** Throws `UsageError` where the call is wrong; honest vectors must all be finite and of one length. */
  craft<T extends FloatVector>(honest: Vectors<T>, options?: CraftOptions): Crafted<T>;
}

/** The honest side as an attack sees it. */
export interface View {
  readonly rows: PlainRows;
  readonly honest: readonly FloatVector[];
  readonly count: number;
  readonly random: () => RandomSource;
}

/** One vector for all attackers, or a list of one for each. */
type Recipe = (view: View) => {
  readonly vectors: FloatVector | readonly FloatVector[];
  readonly strength?: number;
};

/** Wraps a recipe with the checks that all attacks share. */
export function attack(name: string, recipe: Recipe): Attack {
  return {
    name,
    craft<T extends FloatVector>(honest: Vectors<T>, options: CraftOptions = {}): Crafted<T> {
      checkOptions('options', options);
      const count = checkInteger('count', options.count ?? 1, 1, 100_000);
      const { rows, faults } = accept(honest, {});
      if (faults.some((fault) => fault !== undefined))
        throw new UsageError('robust.vectors', 'honest vectors must be finite and of one length');
      const made = recipe({
        rows,
        honest: rows.block(0, rows.dimension),
        count,
        random: sourceOnDemand(options.seed),
      });
      const { vectors } = made;
      const each = isOne(vectors) ? Array.from({ length: count }, () => vectors) : vectors;
      return {
        vectors: each as readonly T[], // made by zerosLike from a vector of T
        ...(made.strength === undefined ? {} : { strength: made.strength }),
      };
    },
  };
}

function isOne(vectors: FloatVector | readonly FloatVector[]): vectors is FloatVector {
  return ArrayBuffer.isView(vectors);
}

/** The honest mean in float64. */
export function meanOf({ honest }: View): Float64Array {
  const sums = new Float64Array(honest[0]?.length ?? 0);
  for (const row of honest) for (let k = 0; k < row.length; k++) sums[k] = at(sums, k) + at(row, k);
  return sums.map((sum) => sum / honest.length);
}

/** The honest standard deviation of each coordinate, over n - 1; zero for one vector. */
export function deviationOf({ honest }: View, mean: Float64Array): Float64Array {
  const sums = new Float64Array(mean.length);
  for (const row of honest)
    for (let k = 0; k < row.length; k++) sums[k] = at(sums, k) + (at(row, k) - at(mean, k)) ** 2;
  return sums.map((sum) => (honest.length > 1 ? Math.sqrt(sum / (honest.length - 1)) : 0));
}

/** `from + factor * direction` in the type of the honest vectors. */
export function along(view: View, from: Float64Array, factor: number, direction: Float64Array): FloatVector {
  const vector = zerosLike(view.rows.model, from.length);
  for (let k = 0; k < from.length; k++) vector[k] = at(from, k) + factor * at(direction, k);
  return vector;
}

/** The honest mean, in the type of the vectors. */
export function meanVector(view: View): FloatVector {
  return view.rows.combine(averagingWeights(view.rows.count, undefined));
}
