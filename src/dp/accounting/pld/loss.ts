/**
 * Privacy losses of one release: the distribution of ln(P/Q) under P, for a pair (P, Q) that dominates the release in
 * one direction. Two kinds: smooth ones, given by their tails, and discrete ones, given as a list of atoms.
 */

/** Pr[loss > x] and Pr[loss <= x], under P and under Q; the smaller of the two with full relative accuracy. */
export interface Tails {
  pAbove: number;
  pBelow: number;
  qAbove: number;
  qBelow: number;
}

/** A loss with a continuous distribution between `lowest` and `highest`, and perhaps an atom at each. */
export interface SmoothLoss {
  readonly kind: 'smooth';
  /** The bounds of the finite losses; may be infinite. */
  readonly lowest: number;
  readonly highest: number;
  /** Writes the tails at `loss`. */
  tails(loss: number, into: Tails): void;
  /** The mass under P of the atoms at `lowest` and `highest`; 0 where there is none. */
  readonly atoms: { readonly low: number; readonly high: number };
  /** The hockey-stick divergence at any real epsilon, to within rounding. */
  delta(epsilon: number): number;
}

/** A loss that takes finitely many values. Mass under Q is p e^-loss; what P has and Q lacks is in `infinite`. */
export interface DiscreteLoss {
  readonly kind: 'discrete';
  /** Ascending. */
  readonly losses: Float64Array;
  readonly p: Float64Array;
  /** Mass under P where Q has none, plus what was cut from above. */
  readonly infinite: number;
  /** Mass under P that was cut from below, which only a lower bound may ignore. */
  readonly dropped: number;
  /** Where all losses are multiples of one number. */
  readonly lattice?: number;
  /**
   * What losses stay below; the last that is listed unless given, as where larger ones have less mass than a double
   * holds.
   */
  readonly supremum?: number;
}

/** A loss of either kind. */
export type Loss = SmoothLoss | DiscreteLoss;

/** One release seen from both sides. Where `add` is `remove`, the directions are alike. */
export interface LossPair {
  /** The data set with the record (or with the one) is P. */
  readonly remove: Loss;
  readonly add: Loss;
}

/** `count` releases with one loss. */
export interface LossPart {
  readonly loss: Loss;
  readonly count: number;
}

/** What all finite losses stay below, those that have next to no mass too. */
export function supremum(loss: Loss): number {
  if (loss.kind === 'smooth') return loss.highest;
  return loss.supremum ?? loss.losses[loss.losses.length - 1] ?? 0;
}

/** Zeroed tails to write into. */
export function newTails(): Tails {
  return { pAbove: 0, pBelow: 0, qAbove: 0, qBelow: 0 };
}

/** The hockey-stick divergence of any loss at any real epsilon. */
export function hockeyStick(loss: Loss, epsilon: number): number {
  if (loss.kind === 'smooth') return loss.delta(epsilon);
  let sum = 0;
  for (let i = 0; i < loss.p.length; i += 1) {
    const gap = epsilon - (loss.losses[i] as number);
    if (gap < 0) sum -= (loss.p[i] as number) * Math.expm1(gap);
  }
  return sum + loss.infinite;
}
