import { checkInteger, checkNumber, checkOptions } from '../../core/check.js';
import { type Combination, rootOf, squaredDistancesFrom } from '../combination.js';
import { Aggregator, type RuleSettings } from '../rule.js';
import { checkF, majority } from '../shares.js';
import { at } from '../vectors.js';
import { keepUpTo } from '../verdicts.js';

export interface CenteredClippingOptions {
  /** The radius, above 0, in the vectors' unit. */
  readonly tau: number;
  /** Steps, 1 to 10,000; default 1. */
  readonly iterations?: number;
  /** How many clients may be Byzantine, checked against n; default 0. */
  readonly f?: number;
}

export interface CenteredClippingSpec extends CenteredClippingOptions {
  readonly kind: 'centered-clipping';
}

/**
 * Centered clipping, n >= 2f + 1 (Karimireddy, He and Jaggi, ICML 2021): from the reference (the last round's
 * aggregate; the origin where none is given), moves by the mean of the differences, each clipped to norm tau. The score
 * is the distance from where the last step began; clients that it clipped count as rejected, though a part of
 * their difference is in the result.
 */
export function centeredClipping(
  options: CenteredClippingOptions,
  settings?: RuleSettings,
): Aggregator<CenteredClippingSpec> {
  const tau = checkNumber('tau', checkOptions('options', options).tau, Number.MIN_VALUE, Number.MAX_VALUE);
  const iterations = checkInteger('iterations', options.iterations ?? 1, 1, 10_000);
  const f = checkF(options.f ?? 0);
  return new Aggregator(
    {
      spec: {
        kind: 'centered-clipping',
        tau,
        ...(options.iterations === undefined ? {} : { iterations }),
        ...(f === 0 ? {} : { f }),
      },
      f: f === 0 ? undefined : f,
      ...majority,
      weighted: false,
      run: (rows) => {
        const { count } = rows;
        let point: Combination = { weights: new Float64Array(count), ofReference: 1 };
        let distances = new Float64Array(count);
        for (let step = 0; step < iterations; step++) {
          distances = squaredDistancesFrom(rows, point).map(rootOf);
          const shares = distances.map((distance) => (distance > tau ? tau / distance : 1) / count);
          const left = 1 - shares.reduce((sum, share) => sum + share, 0);
          point = {
            weights: point.weights.map((weight, i) => weight * left + at(shares, i)),
            ofReference: point.ofReference * left,
          };
        }
        return {
          vector: rows.combine(point.weights, point.ofReference),
          judgement: keepUpTo(distances, tau),
          work: { iterations, converged: true },
        };
      },
    },
    settings,
  );
}
