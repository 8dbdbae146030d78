/**
 * Composition of (epsilon, delta) guarantees, optimally: Kairouz, Oh, Viswanath, "The composition theorem for
 * differential privacy" (2015).
 */
import { checkInteger, checkNumber } from '../../core/check.js';
import type { PrivacyEvent } from '../events/event.js';
import { checkRelation, type DefaultRelation, movement, type Relation } from '../neighboring.js';
import { logBinomial } from '../numeric/log-space.js';
import { rootBetween } from '../numeric/root.js';
import { type Accountant, type Bounds, checkDelta, checkEpsilon, checkRelationOf, unsupported } from './accountant.js';
import { type Primitive, primitives } from './primitives.js';

/** `count` releases of which (epsilon, delta) is known. */
interface Guarantee {
  readonly epsilon: number;
  readonly delta: number;
  readonly count: number;
}

/** Losses of the worst mechanisms that have the guarantees: epsilon each, with signs. */
interface WorstLoss {
  readonly losses: Float64Array;
  readonly masses: Float64Array;
  readonly infinite: number;
}

const mostAtoms = 2 ** 21;

/**
 * The least delta for which `count` releases that are each (`epsilon`, `delta`)-private are (`targetEpsilon`,
 * delta)-private, whatever they are (Theorem 3.3).
 *
 * @throws UsageError for values out of range.
 */
export function optimalComposition(options: {
  readonly epsilon: number;
  readonly delta: number;
  readonly count: number;
  readonly targetEpsilon: number;
}): number {
  const epsilon = checkNumber('epsilon', options.epsilon, 0, 700);
  const delta = checkNumber('delta', options.delta, 0, 1);
  const count = checkInteger('count', options.count, 1, mostAtoms - 1);
  return worstDelta(worstLoss([{ epsilon, delta, count }]), checkEpsilon(options.targetEpsilon));
}

/**
 * Adds up guarantees of the form (epsilon, delta). Optimal for any mixture, exactly; the cost grows with the product of
 * the numbers of releases of each epsilon, so for many kinds use the PLD accountant.
 */
export class PureAccountant<R extends Relation = DefaultRelation> implements Accountant<R> {
  readonly relation: R;
  readonly #guarantees: readonly Guarantee[];

  /**
   * An accountant of nothing; `guarantees` is for `compose`.
   *
   * @throws UsageError for an unknown relation.
   */
  constructor(options: { readonly relation?: R } = {}, guarantees: readonly Guarantee[] = []) {
    // Where it is left out, R is the default.
    this.relation = checkRelation(options.relation ?? 'addOrRemoveOne') as R;
    this.#guarantees = guarantees;
  }

  compose(event: PrivacyEvent<R>, count = 1): PureAccountant<R> {
    checkRelationOf(this, event);
    const all = [...this.#guarantees];
    for (const one of primitives(event, count)) {
      const { epsilon, delta } = guarantee(one.event);
      const at = all.findIndex((known) => known.epsilon === epsilon && known.delta === delta);
      const before = all[at]?.count ?? 0;
      all.splice(at < 0 ? all.length : at, 1, { epsilon, delta, count: before + one.count });
    }
    if (all.reduce((product, one) => product * (one.count + 1), 1) > mostAtoms)
      throw unsupported('pure', event, 'too many releases of different epsilons to enumerate; use the PLD accountant');
    return new PureAccountant<R>({ relation: this.relation }, all);
  }

  epsilon(delta: number): Bounds {
    checkDelta(delta);
    const worst = worstLoss(this.#guarantees);
    const most = this.#guarantees.reduce((sum, { epsilon, count }) => sum + epsilon * count, 0);
    if (worstDelta(worst, 0) <= delta) return near(0);
    if (worst.infinite > delta) return near(Number.POSITIVE_INFINITY);
    if (worst.infinite === delta) return near(most);
    return near(rootBetween((epsilon) => worstDelta(worst, epsilon) - delta, 0, most, { relative: 1e-14 }));
  }

  epsilonBound(delta: number): number {
    return this.epsilon(delta).upper;
  }

  delta(epsilon: number): Bounds {
    checkEpsilon(epsilon);
    return near(worstDelta(worstLoss(this.#guarantees), epsilon));
  }
}

/** The product of two-point losses: all sums of +-epsilon, with binomial masses. */
function worstLoss(guarantees: readonly Guarantee[]): WorstLoss {
  let losses = Float64Array.of(0);
  let masses = Float64Array.of(1);
  let finite = 0;
  for (const { epsilon, delta, count } of guarantees) {
    finite += count * Math.log1p(-delta);
    const up = -Math.log1p(Math.exp(-epsilon));
    const each = Array.from({ length: count + 1 }, (_, down) => ({
      loss: (count - 2 * down) * epsilon,
      mass: Math.exp(logBinomial(count, down) + count * up - down * epsilon),
    }));
    const before = losses;
    const weights = masses;
    losses = Float64Array.from(each.flatMap(({ loss }) => Array.from(before, (one) => one + loss)));
    masses = Float64Array.from(each.flatMap(({ mass }) => Array.from(weights, (one) => one * mass)));
  }
  return { losses, masses: masses.map((mass) => mass * Math.exp(finite)), infinite: 0 - Math.expm1(finite) };
}

function worstDelta({ losses, masses, infinite }: WorstLoss, epsilon: number): number {
  let sum = infinite;
  for (let i = 0; i < losses.length; i += 1) {
    const gap = epsilon - (losses[i] as number);
    if (gap < 0) sum -= (masses[i] as number) * Math.expm1(gap);
  }
  return Math.min(1, sum);
}

function guarantee(event: Primitive): { epsilon: number; delta: number } {
  switch (event.kind) {
    case 'epsilonDelta':
      return { epsilon: event.epsilon, delta: event.delta };
    case 'exponential':
      return { epsilon: event.epsilon, delta: 0 };
    case 'laplace':
      return { epsilon: movement(event.relation) / event.noiseMultiplier, delta: 0 };
    case 'discreteLaplace':
      return { epsilon: (movement(event.relation) * event.contribution) / event.scale, delta: 0 };
    case 'randomizedResponse':
      return { epsilon: Math.log1p(((1 - event.noise) * event.buckets) / event.noise), delta: 0 };
    case 'poissonSampled': {
      if (event.relation === 'replaceOne') throw unsupported('pure', event);
      // Checked by primitives(): what is inside a sample is one release.
      const { epsilon, delta } = guarantee(event.event as Primitive);
      const q = event.samplingProbability;
      return { epsilon: Math.log1p(q * Math.expm1(epsilon)), delta: q * delta };
    }
    default:
      throw unsupported('pure', event, 'no (epsilon, delta) of its own is known');
  }
}

/** A sum of positive terms, with its rounding. What is below is about the worst mechanisms that have the guarantees. */
function near(value: number): Bounds {
  return { lower: value * (1 - 1e-11), estimate: value, upper: value * (1 + 1e-11) };
}
