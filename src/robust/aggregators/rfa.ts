import { checkChoice, checkInteger, checkNumber } from '../../core/check.js';
import { type Combination, rootOf, squaredDistancesFrom } from '../combination.js';
import { Aggregator, type RuleSettings } from '../rule.js';
import { averagingWeights, checkF, majority, normalized } from '../shares.js';
import { at } from '../vectors.js';
import { rejectLargest } from '../verdicts.js';

export interface RfaOptions {
  /** How many clients may be Byzantine: checked against n, and as many are named in the verdicts. Default 0. */
  readonly f?: number;
  /** Weiszfeld steps, 1 to 10,000; default 3. */
  readonly steps?: number;
  /** Distances below this count as this; default 1e-6. */
  readonly nu?: number;
  /**
   * Where it starts: the weighted mean (default), or the reference, which is the origin where none is given; the latter
   * doesn't move with the vectors.
   */
  readonly start?: 'mean' | 'reference';
}

export interface RfaSpec extends RfaOptions {
  readonly kind: 'rfa';
}

/**
 * RFA: a set number of smoothed Weiszfeld steps toward the geometric median, n >= 2f + 1 (Pillutla, Kakade and
 * Harchaoui, IEEE Trans. Signal Processing 2022, algorithm 2). Scores are as for `geometricMedian`.
 */
export function rfa(options: RfaOptions = {}, settings?: RuleSettings): Aggregator<RfaSpec> {
  const f = checkF(options.f ?? 0);
  const steps = checkInteger('steps', options.steps ?? 3, 1, 10_000);
  const nu = checkNumber('nu', options.nu ?? 1e-6, 1e-100, 1e100);
  const start = checkChoice('start', options.start ?? 'mean', ['mean', 'reference']);
  return new Aggregator(
    {
      spec: {
        kind: 'rfa',
        ...(f === 0 ? {} : { f }),
        ...(options.steps === undefined ? {} : { steps }),
        ...(options.nu === undefined ? {} : { nu }),
        ...(options.start === undefined ? {} : { start }),
      },
      f: f === 0 ? undefined : f,
      ...majority,
      weighted: true,
      run: (rows, context) => {
        const alpha = averagingWeights(rows.count, context.weights);
        let point: Combination =
          start === 'mean'
            ? { weights: alpha, ofReference: 0 }
            : { weights: new Float64Array(rows.count), ofReference: 1 };
        for (let step = 0; step < steps; step++) {
          const distances = squaredDistancesFrom(rows, point);
          const weights = normalized(alpha.map((share, i) => share / Math.max(nu, rootOf(at(distances, i)))));
          point = { weights, ofReference: 0 };
        }
        const scores = squaredDistancesFrom(rows, point).map(rootOf);
        return {
          vector: rows.combine(point.weights),
          judgement: rejectLargest(scores, context.f),
          work: { iterations: steps, converged: true },
        };
      },
    },
    settings,
  );
}
