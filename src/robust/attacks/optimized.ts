import { checkInteger, checkNumber, checkOptions } from '../../core/check.js';
import { VeilsumError } from '../../core/errors.js';
import { squaredDistance } from '../distances.js';
import type { AggregateOptions } from '../input.js';
import { checkInner } from '../pre-aggregator.js';
import type { Aggregator } from '../rule.js';
import { at } from '../vectors.js';
import { type Attack, along, attack, deviationOf, meanOf } from './attack.js';

export interface OptimizedOptions {
  /** The rule to harm. */
  readonly against: Aggregator;
  /** What the rule is called with: a seed, a reference. */
  readonly context?: AggregateOptions;
  /** Calls of the rule, 2 to 10,000; default 20. */
  readonly evaluations?: number;
  /** First step, above 0; default 10. */
  readonly delta?: number;
  /** What a step shrinks by, above 0 and below 1; default 0.8. */
  readonly ratio?: number;
}

/** IPM (`ipm`) with the factor that moves the rule's result farthest from the honest mean. */
export function optimizedIpm(options: OptimizedOptions): Attack {
  return optimized('optimized-ipm', options, (mean) => ({
    from: new Float64Array(mean.length),
    direction: mean.map((v) => -v),
  }));
}

/** ALIE (`alie`) with the factor that moves the rule's result farthest from the honest mean. */
export function optimizedAlie(options: OptimizedOptions): Attack {
  return optimized('optimized-alie', options, (mean, deviation) => ({ from: mean, direction: deviation }));
}

function optimized(
  name: string,
  options: OptimizedOptions,
  line: (
    mean: Float64Array,
    deviation: Float64Array,
  ) => { readonly from: Float64Array; readonly direction: Float64Array },
): Attack {
  const against = checkInner(checkOptions('options', options).against, 'against');
  const evaluations = checkInteger('evaluations', options.evaluations ?? 20, 2, 10_000);
  const delta = checkNumber('delta', options.delta ?? 10, Number.MIN_VALUE, 1e100);
  const ratio = checkNumber('ratio', options.ratio ?? 0.8, 1e-6, 1 - 1e-6);
  return attack(name, (view) => {
    const mean = meanOf(view);
    const { from, direction } = line(mean, deviationOf(view, mean));
    // In float64, where a small gain is not lost in the rounding of results.
    const honest = view.honest.map((row) => Float64Array.from(row));
    const harm = (factor: number): number => {
      const vector = from.map((value, k) => value + factor * at(direction, k));
      try {
        const all = [...honest, ...Array.from({ length: view.count }, () => vector)];
        return Math.sqrt(squaredDistance(against.aggregate(all, options.context).vector, mean, 0, mean.length));
      } catch (error) {
        // A rule that refuses, since the vectors left the range it takes, was not moved.
        if (error instanceof VeilsumError && factor !== 0) return Number.NEGATIVE_INFINITY;
        throw error;
      }
    };
    const factor = climb(harm, { evaluations, delta, ratio });
    return { vectors: along(view, from, factor, direction), strength: factor };
  });
}

/** Gains below this, relative, are rounding. */
const leastGain = 1e-12;

/**
 * Looks for the largest value over factors from 0: doubles its step while it gains, then tries ever shorter ones. A
 * line search without derivatives, made for functions with one peak; on others it finds some good place.
 */
function climb(
  value: (factor: number) => number,
  options: { readonly evaluations: number; readonly delta: number; readonly ratio: number },
): number {
  let { delta } = options;
  let best = 0;
  let most = value(best);
  let left = options.evaluations - 1;
  const improves = (factor: number): boolean => {
    const reached = value(factor);
    left -= 1;
    if (!(reached > most + leastGain * Math.abs(most))) return false;
    most = reached;
    best = factor;
    return true;
  };
  while (left > 0 && improves(best + delta)) delta *= 2;
  while (left > 0) {
    delta *= options.ratio;
    improves(best + delta);
  }
  return best;
}
