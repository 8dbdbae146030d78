import { checkNumber, checkOptions } from '../../core/check.js';
import { UsageError } from '../../core/errors.js';
import { columnOutcome } from '../column-outcome.js';
import { Aggregator, type RuleSettings } from '../rule.js';
import { checkF, majority, wholePart } from '../shares.js';

/** Either the count of values to cut on each side, or their fraction of n. */
export type TrimmedMeanOptions =
  | { readonly f: number; readonly beta?: never }
  | {
      /** Cuts floor(beta n) values on each side, 0 <= beta < 0.5. */
      readonly beta: number;
      readonly f?: never;
    };

export type TrimmedMeanSpec = { readonly kind: 'trimmed-mean' } & TrimmedMeanOptions;

/**
 * The coordinate-wise mean without the f lowest and f highest values, n >= 2f + 1 (Yin et al., ICML 2018). Verdicts are
 * as for the median: the f clients farthest from the result count as rejected.
 */
export function trimmedMean(options: TrimmedMeanOptions, settings?: RuleSettings): Aggregator<TrimmedMeanSpec> {
  const { f, beta } = checkOptions('options', options);
  if ((f === undefined) === (beta === undefined))
    throw new UsageError('robust.options', 'trimmed-mean takes either f or beta, and got both or none');
  if (beta !== undefined) return byFraction(beta, settings);
  const count = checkF(f);
  return new Aggregator<TrimmedMeanSpec>(
    {
      spec: { kind: 'trimmed-mean', f: count },
      f: count,
      ...majority,
      weighted: false,
      run: (rows, context) => columnOutcome(rows, 'trimmed-mean', context.f, context.f),
    },
    settings,
  );
}

function byFraction(given: number, settings: RuleSettings | undefined): Aggregator<TrimmedMeanSpec> {
  const beta = checkNumber('beta', given, 0, 0.5);
  if (beta === 0.5) throw new UsageError('usage.range', 'beta must be below 0.5: nothing would be left to average');
  return new Aggregator<TrimmedMeanSpec>(
    {
      spec: { kind: 'trimmed-mean', beta },
      f: undefined,
      minimum: (f) => leastCount(beta, f),
      condition: 'floor(beta n) >= f',
      weighted: false,
      run: (rows) => {
        const cut = wholePart(beta, rows.count);
        return columnOutcome(rows, 'trimmed-mean', cut, cut);
      },
    },
    settings,
  );
}

function leastCount(beta: number, f: number): number {
  if (f === 0) return 1;
  if (beta === 0) return Number.POSITIVE_INFINITY;
  let count = Math.max(1, Math.ceil(f / beta) - 1);
  while (wholePart(beta, count) < f) count += 1;
  return count;
}
