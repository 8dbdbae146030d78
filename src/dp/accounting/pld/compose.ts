/** From the losses of single releases, all in one direction, to certified epsilon and delta of their composition. */
import { UsageError } from '../../../core/errors.js';
import { rootBetween } from '../../numeric/root.js';
import type { Bounds } from '../accountant.js';
import { DoubledComposition } from './doubling.js';
import { type GridLoss, gridFromAbove, gridFromBelow, lossRange } from './grid.js';
import { hockeyStick, type Loss, type LossPart, supremum } from './loss.js';
import { spikeDelta, spikeEpsilon } from './spikes.js';
import { type Cumulant, cumulant, type GridPart, saddleLogDelta, TiltedComposition, windowWidth } from './tilted.js';

/** What is asked: epsilon for a delta, or delta for an epsilon. */
export type Question = { readonly delta: number } | { readonly epsilon: number };

type Side = 'above' | 'below';

const mostPoints = 2 ** 20;
/** A plan may need so many points, but a grid is not refined beyond these. */
const mostRefined = 2 ** 18;
/** So many take milliseconds. */
const quickPoints = 2 ** 14;
const coarsePoints = 400;
/** Grid points to a deviation, at most, in a composition by doubling. */
const finest = 200;
/** In grid steps: for losses that are too sparse to balance. */
const shortRuns = 8;
/** The largest tilt times the grid spacing: then the mass of neighboring points differs by e^40. */
const steepest = 40;

/**
 * One direction of a composition. Asked for an epsilon or a delta, it chooses the tilt for that question and the grid
 * for the wanted precision.
 */
export class DirectedComposition {
  readonly #parts: readonly LossPart[];
  readonly #precision: number;

  /**
   * @param parts at least one
   * @param precision the wanted (upper - lower) / estimate, of epsilon
   */
  constructor(parts: readonly LossPart[], precision: number) {
    this.#parts = parts;
    this.#precision = precision;
  }

  /** Where the question is about losses that can't occur: delta is what is infinite. */
  #beyond(question: Question): number | undefined {
    if ('delta' in question) return undefined;
    const most = this.#parts.reduce((sum, { loss, count }) => sum + count * largest(loss), 0);
    if (!(question.epsilon >= most)) return undefined;
    const finite = this.#parts.reduce((sum, { loss, count }) => sum + count * Math.log1p(-infiniteMass(loss)), 0);
    return Math.max(0, -Math.expm1(finite));
  }

  /** The epsilon that suffices for any delta from this one up, whatever the grid: all losses at their largest. */
  most(delta: number): number {
    const infinite = -Math.expm1(
      this.#parts.reduce((sum, { loss, count }) => sum + count * Math.log1p(-infiniteMass(loss)), 0),
    );
    if (infinite * (1 + 1e-12) > delta) return Number.POSITIVE_INFINITY;
    return (
      Math.max(
        0,
        this.#parts.reduce((sum, { loss, count }) => sum + count * supremum(loss), 0),
      ) *
      (1 + 1e-12)
    );
  }

  #capped(question: Question, upper: number): number {
    return 'delta' in question ? Math.min(upper, this.most(question.delta)) : upper;
  }

  /** The exact divergence, where there is only one release. */
  get #single(): Loss | undefined {
    const [only] = this.#parts;
    return this.#parts.length === 1 && only?.count === 1 ? only.loss : undefined;
  }

  /** The upper bound only: half the work. */
  upper(question: Question): number {
    if (this.#single !== undefined) return exactAnswer(this.#single, question);
    const beyond = this.#beyond(question);
    if (beyond !== undefined) return beyond * (1 + 1e-12);
    const plan = this.#plan(question);
    const fineness = this.#fineness;
    const doubled = plan.isLimited
      ? this.#doubled(question, plan, { side: 'above', fineness })
      : Number.POSITIVE_INFINITY;
    return this.#capped(question, Number.isFinite(doubled) ? doubled : this.#solve(question, plan, 'above'));
  }

  bounds(question: Question, upper?: number): Bounds {
    if (this.#single !== undefined) {
      const exact = exactAnswer(this.#single, question);
      return { lower: exact * (1 - 1e-12), estimate: exact, upper: exact * (1 + 1e-12) };
    }
    const beyond = this.#beyond(question);
    if (beyond !== undefined) return { lower: beyond * (1 - 1e-12), estimate: beyond, upper: beyond * (1 + 1e-12) };
    let plan = this.#plan(question);
    let high = upper ?? this.upper(question);
    let low = plan.isLimited ? 0 : this.#solve(question, plan, 'below');
    const wanted = ('delta' in question ? 2.5 : 12) * this.#precision;
    // No grid settles what no double holds.
    const wide = (times = 1): boolean => Number.isFinite(high) && high > 1e-250 && high - low > times * wanted * high;
    const refine = (times: number, rounds: number, most: number): void => {
      for (let round = 0; round < rounds && wide(times); round += 1) {
        const finer = Math.min(8, Math.max(2, 1.3 * Math.sqrt((high - low) / (wanted * high))));
        const factor = Math.min(finer, most / plan.points);
        if (factor < 1.5) return;
        plan = { ...plan, h: plan.h / factor, points: plan.points * factor };
        high = Math.min(high, this.#solve(question, plan, 'above'));
        low = Math.max(low, this.#solve(question, plan, 'below'));
      }
    };
    if (!plan.isLimited) refine(1, 1, quickPoints);
    let fineness = this.#fineness;
    let before = Number.POSITIVE_INFINITY;
    // As long as it helps.
    for (let round = 0; round < 3 && wide() && high - low < 0.7 * before; round += 1) {
      if (round > 0) before = high - low;
      if (!plan.isLimited || round > 0)
        high = Math.min(high, this.#doubled(question, plan, { side: 'above', fineness }));
      low = Math.max(low, this.#doubled(question, plan, { side: 'below', fineness }));
      // The gap goes with the square of the fineness.
      fineness = Math.min(finest, fineness * Math.max(1.2, 1.2 * Math.sqrt((high - low) / (wanted * high))));
    }
    // Finer even grids take long, and are for what is far from what is wanted.
    const far = 3;
    if (wide(far))
      low = Math.max(
        low,
        this.#solve(question, plan, 'below', shortRuns),
        'delta' in question ? spikeEpsilon(this.#parts, question.delta) : spikeDelta(this.#parts, question.epsilon),
      );
    refine(far, 3, mostRefined);
    // The grid from above adds twice the variance that the one from below takes.
    return { lower: low, estimate: Number.isFinite(high) ? (high + 2 * low) / 3 : high, upper: high };
  }

  /** Grid points to a deviation, for doubling, that the wanted precision takes as a rule. */
  get #fineness(): number {
    return Math.min(finest, Math.max(20, 1.5 / Math.sqrt(this.#precision)));
  }

  #doubled(question: Question, { cut }: Plan, how: { readonly side: Side; readonly fineness: number }): number {
    const fineness = { perDeviation: how.fineness, share: 0.5 / how.fineness };
    const composition = new DoubledComposition(this.#parts, how.side, { cut, fineness });
    return 'delta' in question ? composition.epsilon(question.delta) : composition.delta(question.epsilon);
  }

  /** Grids of both sides at spacing h. */
  #grids(h: number, cut: number, side: Side, longest?: number): GridPart[] {
    const make = (loss: Loss): GridLoss =>
      side === 'above' ? gridFromAbove(loss, h, cut) : gridFromBelow(loss, h, cut, longest);
    return this.#parts.map(({ loss, count }) => ({ grid: make(loss), count }));
  }

  /** The spacing for the wanted precision, the tilt, and the mass of tails that can be cut without being noticed. */
  #plan(question: Question): Plan {
    let cut = 1e-25;
    let plan: Plan | undefined;
    for (let round = 0; round < 4; round += 1) {
      const h = this.#coarse(cut);
      const parts = this.#grids(h, cut, 'above');
      const { theta, at, logDelta } = locate(parts, h, question);
      plan = { theta, cut, ...this.#spacing(theta, at, parts, h, 'epsilon' in question) };
      const releases = this.#parts.reduce((sum, { count }) => sum + count, 0);
      const enough = Math.max(1e-290, Math.exp(Math.max(-660, logDelta - 25)) / releases);
      if (cut <= enough * 1.01) break;
      cut = enough;
    }
    if (plan === undefined) throw new UsageError('dp.precision', 'no grid was found');
    return plan;
  }

  #coarse(cut: number): number {
    let least = Number.POSITIVE_INFINITY;
    let most = 0;
    for (const { loss } of this.#parts) {
      const { low, high } = lossRange(loss, cut);
      if (high > low) least = Math.min(least, high - low);
      most = Math.max(most, high - low, Math.abs(high), Math.abs(low));
    }
    if (most === 0) return 1;
    return this.#aligned(Math.max(least / coarsePoints, most / 2e4));
  }

  /**
   * A grid from above adds T h^2/6 of variance and one from below takes half that; under the tilt this moves epsilon by
   * (theta + 1)/2 times as much, T (theta + 1) h^2/8 between the two.
   */
  #spacing(
    theta: number,
    at: Cumulant,
    parts: readonly GridPart[],
    coarse: number,
    forDelta: boolean,
  ): Pick<Plan, 'h' | 'points' | 'isLimited'> {
    const releases = parts.reduce((sum, { count }) => sum + count, 0);
    const deviation = Math.sqrt(at.variance);
    const scale = Math.max(at.mean, 0.02 * deviation);
    // In delta the same gap is theta times as much, of which three times the precision is allowed.
    const wanted = forDelta ? Math.min(scale, 3 / Math.max(theta, 1e-9)) : scale;
    const fine = Math.sqrt((8 * this.#precision * wanted) / (releases * (theta + 1)));
    const width = windowWidth(parts, coarse, theta);
    // A rare loss may reach far beyond the window, and is walked through point by point.
    const span = coarse * Math.max(...parts.map(({ grid }) => grid.masses.length));
    const best = Math.min(fine, coarse, width / 64);
    const h = Math.max(best, width / mostPoints, span / mostRefined);
    const chosen = this.#aligned(h);
    return { h: chosen, points: Math.max(width, span) / chosen, isLimited: h > 1.1 * best };
  }

  /** A spacing that puts the atoms of losses on the grid; the whole lattice, where there is nothing else. */
  #aligned(h: number): number {
    const lattices = this.#parts.map(({ loss }) => (loss.kind === 'discrete' ? loss.lattice : atomLattice(loss)));
    const [first] = lattices;
    const lattice = lattices.find((value) => value !== undefined);
    if (lattice === undefined) return h;
    const alone =
      this.#parts.every(({ loss }) => loss.kind === 'discrete') && lattices.every((value) => value === first);
    if (lattice < h) return alone && lattice > h / 64 ? lattice : h;
    return alone ? lattice : lattice / Math.ceil(lattice / h);
  }

  #solve(question: Question, plan: Plan, side: Side, longest?: number): number {
    const { h, cut } = plan;
    const parts = this.#grids(h, cut, side, longest);
    let theta = isNear(question, cumulant(parts, h, plan.theta), plan.theta)
      ? plan.theta
      : locate(parts, h, question).theta;
    for (let round = 0; round < 8; round += 1) {
      const composition = new TiltedComposition(parts, h, theta, side);
      const answer = answerFrom(composition, question, side);
      if (answer !== undefined) return answer;
      const { low, high } = composition.range;
      const left = 'delta' in question ? composition.epsilon(question.delta) < 0 : question.epsilon < low;
      if (left && theta === 0) {
        if ('delta' in question) return side === 'above' ? Math.max(0, low) : 0;
        // Delta falls in epsilon, so left of the window it is at least what it is at its end.
        return side === 'above' ? 1 : Math.min(1, Math.max(0, composition.delta(low)));
      }
      theta = left ? tiltAt(parts, h, low + 0.1 * (high - low)) : tiltAt(parts, h, high - 0.1 * (high - low));
    }
    // No tilt reaches the question; say what is certain.
    return side === 'below' ? 0 : 'delta' in question ? Number.POSITIVE_INFINITY : 1;
  }
}

interface Plan {
  readonly h: number;
  readonly theta: number;
  readonly cut: number;
  readonly points: number;
  /** Whether the precision would take more points than there may be. */
  readonly isLimited: boolean;
}

/** The one atom of a smooth loss, which the grid should hold. */
function atomLattice(loss: Loss): number | undefined {
  return loss.kind === 'smooth' && loss.atoms.high > 0 ? loss.highest : undefined;
}

/** Whether a tilt that was found on the coarse grid serves on a finer one: within a deviation or so of the answer. */
function isNear(question: Question, at: Cumulant, theta: number): boolean {
  if ('epsilon' in question) return Math.abs(at.mean - question.epsilon) <= Math.sqrt(at.variance);
  return Math.abs(saddleLogDelta(at, theta) - Math.log(question.delta)) <= 1.5;
}

/** The answer if the window has it, clipped to what it can be. */
function answerFrom(composition: TiltedComposition, question: Question, side: Side): number | undefined {
  const { low, high } = composition.range;
  if ('epsilon' in question) {
    const { epsilon } = question;
    // Rounding of the losses themselves, summed: less than 1e-12 of the range.
    const moved = side === 'above' ? epsilon - 1e-12 * epsilon : epsilon + 1e-12 * epsilon;
    if (moved < low) return undefined;
    if (moved > high) return side === 'below' ? Math.max(0, composition.infinite) : undefined;
    return Math.min(1, Math.max(0, composition.delta(moved)));
  }
  if (composition.infinite >= question.delta) return Number.POSITIVE_INFINITY;
  // From below, only a nearby tilt tells that delta is small at 0.
  if (side === 'above' && low <= 0 && high >= 0 && composition.delta(0) <= question.delta) return 0;
  const found = composition.epsilon(question.delta);
  if (!Number.isFinite(found)) return undefined;
  return Math.max(0, side === 'above' ? found * (1 + 1e-12) : found * (1 - 1e-12));
}

/** The tilt whose saddle point answers the question, where the answer is about, and ln delta there. */
function locate(
  parts: readonly GridPart[],
  h: number,
  question: Question,
): { readonly theta: number; readonly at: Cumulant; readonly logDelta: number } {
  const gap =
    'delta' in question
      ? (theta: number, at: Cumulant): number => Math.log(question.delta) - saddleLogDelta(at, theta)
      : (_: number, at: Cumulant): number => at.mean - question.epsilon;
  const theta = leastTilt((t) => gap(t, cumulant(parts, h, t)), 1e-4, steepest / h);
  const at = cumulant(parts, h, theta);
  return { theta, at, logDelta: Math.min(0, saddleLogDelta(at, theta)) };
}

/** The tilt that centers the composed loss at epsilon. */
function tiltAt(parts: readonly GridPart[], h: number, epsilon: number): number {
  return leastTilt((theta) => cumulant(parts, h, theta).mean - epsilon, 1e-4, steepest / h);
}

/** The root of an increasing function of the tilt, to a relative precision; 0 where it is positive there already. */
function leastTilt(f: (theta: number) => number, relative: number, most: number): number {
  if (f(0) >= 0) return 0;
  let high = Math.min(1, most);
  while (high < most && f(high) < 0) high = Math.min(most, high * 4);
  let low = high / 4;
  while (f(low) > 0 && low > 1e-9) low /= 4;
  return rootBetween(f, low, high, { relative, maxSteps: 40 });
}

/** The largest finite loss. */
function largest(loss: Loss): number {
  return loss.kind === 'discrete' ? (loss.losses[loss.losses.length - 1] ?? 0) : loss.highest;
}

function infiniteMass(loss: Loss): number {
  return loss.kind === 'discrete' ? loss.infinite : 0;
}

/** One release needs no grid. */
function exactAnswer(loss: Loss, question: Question): number {
  if ('epsilon' in question) return Math.min(1, hockeyStick(loss, question.epsilon));
  const { delta } = question;
  const infinite = infiniteMass(loss);
  if (hockeyStick(loss, 0) <= delta) return 0;
  if (infinite > delta) return Number.POSITIVE_INFINITY;
  let most = largest(loss);
  if (delta === infinite) return most;
  if (!Number.isFinite(most)) {
    most = 1;
    while (hockeyStick(loss, most) > delta && most < 1e6) most *= 2;
  }
  const goal = Math.log(delta);
  const f = (epsilon: number): number => Math.max(-1e6, Math.log(hockeyStick(loss, epsilon))) - goal;
  return rootBetween(f, 0, most, { relative: 1e-14, absolute: 1e-300 });
}
