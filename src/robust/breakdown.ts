import { checkInteger } from '../core/check.js';
import { aggregatorFrom } from './spec.js';

/** What a rule stands, for n vectors. */
export interface Breakdown {
  /** The f that the rule declares. */
  readonly declared: number;
  /** The least n for that f; Infinity where no n would do. */
  readonly needs: number;
  /** Whether n is enough for the declared f. */
  readonly holds: boolean;
  /**
   * The largest f that this kind of rule would stand with n vectors, were it declared; -1 where n is too small for any.
   */
  readonly tolerates: number;
  /** The rule's condition in words, such as `n >= 2f + 3`. */
  readonly condition: string;
}

/**
 * The breakdown condition of the rule that `spec` describes, for `n` vectors (1 to 10^6). In the case of masked cohorts
 * the vectors are cohort means; see `cohortCondition`. Throws `UsageError` if `spec` is no rule.
 */
export function breakdownOf(spec: unknown, n: number): Breakdown {
  checkInteger('n', n, 1, 1_000_000);
  const rule = aggregatorFrom(spec);
  const needs = rule.minimumClients();
  let tolerates = -1;
  while (tolerates + 1 < n && rule.minimumClients(tolerates + 1) <= n) tolerates += 1;
  return { declared: rule.f, needs, holds: needs <= n, tolerates, condition: rule.condition };
}
