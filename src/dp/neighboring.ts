/**
 * What "one record" means. A noise level says nothing until it is known which two data sets are to look alike, and by
 * how much their sums can differ; so a sensitivity carries its relation in its type, and events and accountants of
 * different relations don't fit together.
 */
import type { Brand } from '../core/brand.js';
import { checkChoice, checkNumber } from '../core/check.js';

/** Every neighboring relation. */
export const relations = ['addOrRemoveOne', 'replaceOne', 'replaceSpecial'] as const;

/**
 * - `addOrRemoveOne`: one data set has a record that the other lacks.
 * - `replaceOne`: one record differs, so a clipped sum moves by up to twice the clip norm.
 * - `replaceSpecial`: one record is replaced by a special one that contributes nothing (zero-out), so the size is
 *   public.
 */
export type Relation = (typeof relations)[number];

/** The relation that is meant where none is named: the one of DP-SGD with Poisson sampling. */
export type DefaultRelation = 'addOrRemoveOne';

/** Norms that a contribution can be bounded in. */
export type Norm = 'l1' | 'l2';

/** How far a neighbor can move a sum whose contributions have a norm of at most `contribution`. */
export type Sensitivity<R extends Relation, N extends Norm = 'l2'> = Brand<
  {
    readonly relation: R;
    readonly norm: N;
    /** The clip norm C: the largest norm of what one record adds. */
    readonly contribution: number;
    /** `contribution` times `movement(relation)`. */
    readonly value: number;
  },
  'Sensitivity'
>;

/** How many contributions a neighbor's sum differs by: two where one record takes another's place, else one. */
export function movement(relation: Relation): 1 | 2 {
  return relation === 'replaceOne' ? 2 : 1;
}

/** Returns `value` if it names a relation; throws `UsageError` (`usage.choice`) otherwise. */
export function checkRelation(value: unknown): Relation {
  return checkChoice('relation', value, relations);
}

/**
 * The sensitivity of a sum of records clipped to norm `clip`. The only way to make one.
 *
 * @throws UsageError unless `clip` is positive and finite and the relation is known.
 */
export function clippedSum<const R extends Relation, const N extends Norm = 'l2'>(options: {
  readonly relation: R;
  readonly clip: number;
  readonly norm?: N;
}): Sensitivity<R, N> {
  checkRelation(options.relation);
  const contribution = checkNumber('clip', options.clip, Number.MIN_VALUE, Number.MAX_VALUE / 2);
  const norm = options.norm ?? 'l2';
  checkChoice('norm', norm, ['l1', 'l2']);
  const value = contribution * movement(options.relation);
  // The brand and the default of N are made here and nowhere else.
  return Object.freeze({ relation: options.relation, norm, contribution, value }) as unknown as Sensitivity<R, N>;
}
