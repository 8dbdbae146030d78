import { checkInteger, checkOptions } from '../../core/check.js';
import { AbortError, UsageError } from '../../core/errors.js';
import { Aggregator, type RuleSettings } from '../rule.js';
import { checkF, chosenWeights, majority } from '../shares.js';
import { ascending, rejectLargest } from '../verdicts.js';

export interface MonnaOptions {
  readonly f: number;
  /** The client that is trusted, by its place among the vectors; default 0. */
  readonly pivot?: number;
}

export interface MonnaSpec extends MonnaOptions {
  readonly kind: 'monna';
}

/**
 * MoNNA's nearest neighbor averaging, n >= 2f + 1 (Farhadkhani et al., ICML 2023): the mean of the n - f vectors
 * closest to that of a trusted client, itself among them, the lowest index among equally close. The score is the
 * squared distance to it. Throws `AbortError` (`robust.pivot`) if that client's own vector can't be used.
 */
export function monna(options: MonnaOptions, settings?: RuleSettings): Aggregator<MonnaSpec> {
  const f = checkF(checkOptions('options', options).f);
  const pivot = checkInteger('pivot', options.pivot ?? 0, 0, 2 ** 30);
  return new Aggregator(
    {
      spec: { kind: 'monna', f, ...(pivot === 0 ? {} : { pivot }) },
      f,
      ...majority,
      weighted: true,
      run: (rows, context) => {
        const row = context.rowOf[pivot];
        if (row === undefined)
          throw new UsageError(
            'robust.pivot',
            `pivot must be below ${context.rowOf.length}, the clients, got ${pivot}`,
          );
        if (row < 0)
          throw new AbortError('robust.pivot', `the pivot, client ${pivot}, sent a vector that can't be used`);
        const { count } = rows;
        const scores = rows.squaredDistances().slice(row * count, (row + 1) * count);
        const kept = count - context.f;
        // The pivot first, also where f or more copies of it stand before it.
        const chosen = [row, ...ascending(scores).filter((i) => i !== row)].slice(0, kept);
        return {
          vector: rows.combine(chosenWeights(count, chosen, context.weights)),
          judgement: rejectLargest(scores, context.f),
        };
      },
    },
    settings,
  );
}
