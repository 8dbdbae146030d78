import { checkNumber } from '../../../core/check.js';
import type { PrivacyEvent } from '../../events/event.js';
import { checkRelation, type DefaultRelation, movement, type Relation } from '../../neighboring.js';
import { type Accountant, type Bounds, checkDelta, checkEpsilon, checkRelationOf, exactly } from '../accountant.js';
import { gaussianEpsilon, logGaussianDelta } from '../analytic-gaussian.js';
import { nearGaussian } from '../near-gaussian.js';
import { type Primitive, primitives } from '../primitives.js';
import { DirectedComposition, type Question } from './compose.js';
import type { LossPair, LossPart } from './loss.js';
import { lossPair } from './pairs.js';
import { gaussianLoss } from './smooth.js';

interface PairPart {
  readonly pair: LossPair;
  readonly count: number;
}

interface State {
  /** The squared mu of all Gaussian releases, which compose exactly. */
  readonly precision: number;
  readonly parts: ReadonlyMap<string, PairPart>;
  /**
   * The true probabilities are within e^slack of those that are accounted for; 0 unless there are nearly Gaussian
   * releases.
   */
  readonly slack: number;
}

/** Grids answer for deltas from here up. */
const leastDelta = 1e-280;

/** Options of a `PldAccountant`. */
export interface PldOptions<R extends Relation> {
  /** Default `addOrRemoveOne`. */
  readonly relation?: R;
  /** The gap between the bounds of epsilon that is aimed at, relative. From 1e-6 to 0.1, default 4e-4. */
  readonly precision?: number;
}

/**
 * Privacy loss distributions: the composed loss itself, on a grid from above and from below, so that both bounds are
 * proved, rounding included. Adding and removing a record are composed apart and the worse is reported.
 */
export class PldAccountant<R extends Relation = DefaultRelation> implements Accountant<R> {
  readonly relation: R;
  readonly #precision: number;
  readonly #state: State;

  /**
   * An accountant of nothing; `state` is for `compose`.
   *
   * @throws UsageError for an unknown relation or a precision out of range.
   */
  constructor(options: PldOptions<R> = {}, state: State = { precision: 0, parts: new Map(), slack: 0 }) {
    // Where it is left out, R is the default.
    this.relation = checkRelation(options.relation ?? 'addOrRemoveOne') as R;
    this.#precision = checkNumber('precision', options.precision ?? 4e-4, 1e-6, 0.1);
    this.#state = state;
  }

  compose(event: PrivacyEvent<R>, count = 1): PldAccountant<R> {
    checkRelationOf(this, event);
    let { precision, slack } = this.#state;
    const parts = new Map(this.#state.parts);
    for (const { event: given, count: times } of primitives(event, count)) {
      const near = knownPair(given);
      slack += times * near.slack;
      if (near.event.kind === 'gaussian') {
        precision += times * (movement(near.event.relation) / near.event.noiseMultiplier) ** 2;
        continue;
      }
      // Events are plain data, so equal ones have equal text.
      const key = JSON.stringify(near.event);
      const known = parts.get(key);
      parts.set(key, { pair: known?.pair ?? lossPair(near.event), count: (known?.count ?? 0) + times });
    }
    return new PldAccountant<R>({ relation: this.relation, precision: this.#precision }, { precision, parts, slack });
  }

  epsilon(delta: number): Bounds {
    checkDelta(delta);
    const { slack } = this.#state;
    if (slack === 0) return this.#epsilon(delta);
    const { estimate, upper } = this.#epsilon(delta * Math.exp(-slack));
    return { lower: 0, estimate, upper: upper + 2 * slack };
  }

  #epsilon(delta: number): Bounds {
    if (this.#onlyGaussian) return near(gaussianEpsilon(Math.sqrt(this.#state.precision), delta));
    if (delta === 1) return exactly(0);
    const most = (): number => Math.max(...this.#directions().map((direction) => direction.most(delta)));
    // With no delta to spare, every loss counts, however rare.
    if (delta === 0) return near(most());
    const bounds = this.#bounds({ delta: Math.max(delta, leastDelta) });
    return delta < leastDelta ? { ...bounds, estimate: Math.max(bounds.lower, most()), upper: most() } : bounds;
  }

  delta(epsilon: number): Bounds {
    checkEpsilon(epsilon);
    const { slack } = this.#state;
    if (slack === 0) return this.#delta(epsilon);
    // Events of P and Q are within e^slack of those of P' and Q', and so within 1 - e^-slack in total variation.
    const { estimate, upper } = this.#delta(Math.max(0, epsilon - 2 * slack));
    return {
      lower: 0,
      estimate,
      upper: Math.min(1, epsilon < 2 * slack ? upper + 2 * slack : upper * Math.exp(slack)),
    };
  }

  #delta(epsilon: number): Bounds {
    if (this.#onlyGaussian) {
      const { estimate, lower, upper } = near(Math.exp(logGaussianDelta(Math.sqrt(this.#state.precision), epsilon)));
      // It is never nothing, even where no double is as small.
      return { estimate, lower, upper: this.#state.precision === 0 ? upper : Math.max(upper, Number.MIN_VALUE) };
    }
    return this.#bounds({ epsilon });
  }

  epsilonBound(delta: number): number {
    const { precision, slack } = this.#state;
    const left = checkDelta(delta) * Math.exp(-slack);
    if (this.#onlyGaussian) return near(gaussianEpsilon(Math.sqrt(precision), left)).upper + 2 * slack;
    if (delta === 1) return 0;
    if (left < leastDelta) return Math.max(...this.#directions().map((direction) => direction.most(left))) + 2 * slack;
    const question = { delta: left };
    return Math.max(...this.#directions().map((direction) => direction.upper(question))) + 2 * slack;
  }

  get #onlyGaussian(): boolean {
    return this.#state.parts.size === 0;
  }

  #directions(): readonly DirectedComposition[] {
    const { precision, parts } = this.#state;
    const fixed: LossPart[] = precision === 0 ? [] : [{ loss: gaussianLoss(Math.sqrt(precision)), count: 1 }];
    const pairs = [...parts.values()];
    const remove = [...fixed, ...pairs.map(({ pair, count }) => ({ loss: pair.remove, count }))];
    const make = (losses: readonly LossPart[]): DirectedComposition => new DirectedComposition(losses, this.#precision);
    if (pairs.every(({ pair }) => pair.add === pair.remove)) return [make(remove)];
    return [make(remove), make([...fixed, ...pairs.map(({ pair, count }) => ({ loss: pair.add, count }))])];
  }

  /** The bounds of the worse direction. The other's lower bound is only worked out where it could matter. */
  #bounds(question: Question): Bounds {
    const uppers = this.#directions().map((direction) => ({ direction, upper: direction.upper(question) }));
    uppers.sort((a, b) => b.upper - a.upper);
    let bounds: Bounds = { lower: 0, estimate: 0, upper: 0 };
    for (const { direction, upper } of uppers) {
      if (upper <= bounds.lower) break;
      const one = direction.bounds(question, upper);
      bounds = {
        lower: Math.max(bounds.lower, one.lower),
        estimate: Math.max(bounds.estimate, one.estimate),
        upper: Math.max(bounds.upper, one.upper),
      };
    }
    return bounds;
  }
}

/** The release, or one that it is nearly a function of and whose losses are known. */
function knownPair(event: Primitive): { readonly event: Primitive; readonly slack: number } {
  if (event.kind === 'poissonSampled') {
    const { event: inner, slack } = knownPair(event.event as Primitive); // checked by primitives()
    return slack === 0 ? { event, slack } : { event: { ...event, event: inner }, slack };
  }
  const isKnown = event.kind !== 'discreteGaussian' || (event.dimension === 1 && event.tau === 0);
  return (isKnown ? undefined : nearGaussian(event)) ?? { event, slack: 0 };
}

/** A closed form, with its rounding. */
function near(value: number): Bounds {
  return { lower: value * (1 - 1e-12), estimate: value, upper: value * (1 + 1e-12) };
}
