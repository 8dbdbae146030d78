/**
 * Composition by doubling, on grids that are fine near the middle of the loss and coarse far out.
 *
 * A Fourier transform needs one spacing for all releases. Where nearly all of the mass is at tiny losses and some,
 * rarely, at large ones, no spacing suits both. Here two losses are composed at a time, each pair of atoms by itself,
 * and what comes out is put on a grid again, from above or from below, as in `grid.ts`: its spacing is a share of the
 * composed loss's deviation near the middle, and of the distance to it far out. So T releases take 2 log2 T such steps,
 * each of which moves the result a little to its own side. All numbers that are added up are positive, so rounding is
 * relative, however small delta is.
 */

import { lossRange } from './grid.js';
import { type Loss, type LossPart, newTails } from './loss.js';
import { between, uncertainty } from './runs.js';

/** A loss of finitely many values. */
export interface Atoms {
  readonly at: Float64Array;
  /** Mass under P at each; the true masses are within a share `doubt` of these. */
  readonly p: Float64Array;
  /** Mass under P of an infinite loss. */
  readonly infinite: number;
  readonly doubt: number;
}

type Side = 'above' | 'below';

const unit = 2 ** -53;
/** e^loss must be a double. */
const largestLoss = 700;
/** Masses are not followed below this; a bound from above has it in `infinite`. */
const leastMass = 1e-300;
/** The spacing is even up to so many deviations from the middle. */
const evenDeviations = 8;

/** How fine grids are. */
export interface Fineness {
  /** Grid points to a deviation of the composed loss. */
  readonly perDeviation: number;
  /** Of distances beyond 8 deviations, the spacing. */
  readonly share: number;
}

/** Points from `low` or below to `high` or above. */
function gridPoints(
  {
    low,
    high,
    middle,
    deviation,
  }: { readonly low: number; readonly high: number; readonly middle: number; readonly deviation: number },
  { perDeviation, share }: Fineness,
): Float64Array {
  const center = Math.min(high, Math.max(low, middle));
  const h = Math.max(deviation / perDeviation, (high - low) * 1e-12, 1e-290);
  const even = evenDeviations * deviation;
  const walk = (distance: number): number[] => {
    const offsets: number[] = [];
    for (let y = 0; y < distance; ) {
      y += h + share * Math.max(0, y - even);
      offsets.push(y);
    }
    return offsets;
  };
  const down = walk(center - low).reverse();
  const up = walk(high - center);
  return Float64Array.from([
    ...down.map((y) => center - y),
    center,
    ...(up.length === 0 ? [h] : up).map((y) => center + y),
  ]);
}

/** Sums over the outcomes between neighboring grid points. */
interface Cells {
  readonly points: Float64Array;
  readonly p: Float64Array;
  /** Sum of p (1 - e^-(loss - x)), x the grid point below: what P has more than e^x Q. */
  readonly excess: Float64Array;
}

function newCells(points: Float64Array): Cells {
  return { points, p: new Float64Array(points.length - 1), excess: new Float64Array(points.length - 1) };
}

/** Each cell's mass on the two points around it, so that its masses under P and under Q are kept. */
function dotted(
  { points, p, excess }: Cells,
  rest: { readonly bottom: number; readonly infinite: number; readonly doubt: number },
): Atoms {
  const masses = new Float64Array(points.length);
  masses[0] = rest.bottom;
  for (let k = 0; k < p.length; k += 1) {
    const mass = p[k] as number;
    const width = (points[k + 1] as number) - (points[k] as number);
    const up = Math.min(mass, ((excess[k] as number) / -Math.expm1(-width)) * (1 + 16 * unit));
    masses[k] = (masses[k] as number) + (mass - up);
    masses[k + 1] = (masses[k + 1] as number) + up;
  }
  return trimmed({ at: points, p: masses, infinite: rest.infinite, doubt: rest.doubt });
}

/** Each cell's mass at the one loss that it has once its outcomes are merged. */
function merged({ points, p, excess }: Cells, doubt: number): Atoms {
  const at = new Float64Array(p.length);
  for (let k = 0; k < p.length; k += 1) {
    const mass = p[k] as number;
    const x = points[k] as number;
    const above = mass > 0 ? -Math.log1p(-Math.min(1, Math.max(0, (excess[k] as number) / mass))) : 0;
    at[k] = Math.min(points[k + 1] as number, x + above * (1 - 16 * unit) - 2 * unit * Math.abs(x));
  }
  return trimmed({ at, p, infinite: 0, doubt });
}

/** Without atoms that have no mass. */
function trimmed({ at, p, infinite, doubt }: Atoms): Atoms {
  const kept = p.reduce((count, mass) => (mass > 0 ? count + 1 : count), 0);
  const [newAt, newP] = [new Float64Array(kept), new Float64Array(kept)];
  let i = 0;
  for (let k = 0; k < p.length; k += 1)
    if ((p[k] as number) > 0) {
      newAt[i] = at[k] as number;
      newP[i] = p[k] as number;
      i += 1;
    }
  return { at: newAt, p: newP, infinite, doubt };
}

/** 1 - e^-d for d >= 0. */
function shareAbove(d: number): number {
  if (d > 0.01) return -Math.expm1(-d);
  return d * (1 - (d / 2) * (1 - (d / 3) * (1 - (d / 4) * (1 - (d / 5) * (1 - d / 6)))));
}

function momentsOf({ at, p }: Atoms): { readonly mean: number; readonly variance: number } {
  let [sum, one] = [0, 0];
  for (let i = 0; i < p.length; i += 1) {
    sum += p[i] as number;
    one += (p[i] as number) * (at[i] as number);
  }
  const mean = sum > 0 ? one / sum : 0;
  let two = 0;
  for (let i = 0; i < p.length; i += 1) two += (p[i] as number) * ((at[i] as number) - mean) ** 2;
  return { mean, variance: sum > 0 ? two / sum : 0 };
}

/** The loss of both releases, on a grid. */
function composed(a: Atoms, b: Atoms, side: Side, fineness: Fineness): Atoms {
  const [one, other] = [momentsOf(a), momentsOf(b)];
  const last = (atoms: Atoms): number => atoms.at[atoms.at.length - 1] ?? 0;
  const points = gridPoints(
    {
      low: (a.at[0] ?? 0) + (b.at[0] ?? 0),
      high: Math.min(largestLoss, last(a) + last(b)),
      middle: one.mean + other.mean,
      deviation: Math.sqrt(one.variance + other.variance),
    },
    fineness,
  );
  const cells = newCells(points);
  const { p, excess } = cells;
  const end = points[points.length - 1] as number;
  const slack = side === 'above' ? 4 * unit : -4 * unit;
  let beyond = 0;
  // Both rows and columns ascend, so a row begins in the cell that the one before began in, or later.
  let first = 0;
  for (let i = 0; i < a.p.length; i += 1) {
    const [x, mass] = [a.at[i] as number, a.p[i] as number];
    // Of a square, one half and the diagonal: pairs of unlike atoms come twice.
    const from = a === b ? i : 0;
    const begin = x + (b.at[from] as number);
    while (first + 2 < points.length && begin >= (points[first + 1] as number)) first += 1;
    let k = first;
    let next = points[k + 1] as number;
    // Cell by cell, so that each of its sums takes few additions.
    let [sumP, sumExcess] = [0, 0];
    for (let j = from; j < b.p.length; j += 1) {
      const m = (a === b && j > i ? 2 : 1) * mass * (b.p[j] as number);
      if (m < leastMass) continue;
      const y = x + (b.at[j] as number);
      if (y > end && side === 'above') {
        beyond += m;
        continue;
      }
      while (y >= next && k + 2 < points.length) {
        p[k] = (p[k] as number) + sumP;
        excess[k] = (excess[k] as number) + sumExcess;
        [sumP, sumExcess] = [0, 0];
        k += 1;
        next = points[k + 1] as number;
      }
      // A bound from below keeps what is beyond the end at the end.
      const d = Math.min(y, end) - (points[k] as number) + slack * Math.abs(y);
      sumP += m;
      sumExcess += m * shareAbove(Math.max(d, 0));
    }
    p[k] = (p[k] as number) + sumP;
    excess[k] = (excess[k] as number) + sumExcess;
  }
  const rounding = (a.p.length + b.p.length + 32) * unit;
  const doubt = a.doubt + b.doubt + rounding;
  for (let k = 0; k < excess.length; k += 1)
    excess[k] = (excess[k] as number) * (side === 'above' ? 1 + 2 * rounding : 1 - 2 * rounding);
  if (side === 'below') return merged(cells, doubt);
  const infinite = a.infinite + b.infinite - a.infinite * b.infinite + beyond + leastMass * a.p.length * b.p.length;
  return dotted(cells, { bottom: 0, infinite, doubt });
}

/**
 * One release on a grid. `cut` is the mass of tails that are rounded up, the upper one to infinity; or dropped, for a
 * bound from below.
 */
function release(
  loss: Loss,
  side: Side,
  { cut, fineness }: { readonly cut: number; readonly fineness: Fineness },
): Atoms {
  const { low, high } = lossRange(loss, cut);
  const range = { low, high: Math.min(high, largestLoss), middle: 0 };
  // The deviation is known once there is a grid: one that is fine around 0, where most of a sampled loss is.
  const rough = atomsOf(
    loss,
    gridPoints({ ...range, deviation: (high - low) * 1e-9 }, { perDeviation: 1, share: 0.05 }),
    side,
  );
  const { mean, variance } = momentsOf(rough);
  return atomsOf(loss, gridPoints({ ...range, middle: mean, deviation: Math.sqrt(variance) }, fineness), side);
}

function atomsOf(loss: Loss, points: Float64Array, side: Side): Atoms {
  const cells = newCells(points);
  const rest = { bottom: 0, infinite: 0, doubt: 128 * unit };
  if (loss.kind === 'smooth') {
    let [left, right] = [newTails(), newTails()];
    loss.tails(points[0] as number, left);
    rest.bottom = left.pBelow;
    for (let k = 0; k + 1 < points.length; k += 1) {
      const x = points[k] as number;
      loss.tails(points[k + 1] as number, right);
      const p = between(left.pAbove, left.pBelow, right.pAbove, right.pBelow);
      const q = between(left.qAbove, left.qBelow, right.qAbove, right.qBelow);
      const doubt = 2 * (uncertainty(left.pAbove, left.pBelow) + Math.exp(x) * uncertainty(left.qAbove, left.qBelow));
      const excess = p - q - Math.expm1(x) * q;
      cells.p[k] = side === 'above' ? p : Math.max(0, p - doubt);
      cells.excess[k] = Math.max(0, side === 'above' ? excess + doubt : excess - 2 * doubt);
      [left, right] = [right, left];
    }
    rest.infinite = left.pAbove;
  } else {
    const end = points[points.length - 1] as number;
    let k = 0;
    for (let i = 0; i < loss.p.length; i += 1) {
      const [y, mass] = [loss.losses[i] as number, loss.p[i] as number];
      if (y > end && side === 'above') rest.infinite += mass;
      if (y > end && side === 'above') continue;
      while (k + 2 < points.length && y >= (points[k + 1] as number)) k += 1;
      const d = Math.max(0, Math.min(y, end) - (points[k] as number));
      cells.p[k] = (cells.p[k] as number) + mass;
      cells.excess[k] = (cells.excess[k] as number) + mass * shareAbove(d);
    }
    rest.infinite += loss.infinite;
    rest.doubt += loss.p.length * unit;
  }
  return side === 'above'
    ? dotted(cells, rest)
    : { ...merged(cells, rest.doubt), infinite: loss.kind === 'discrete' ? loss.infinite : 0 };
}

/** `count` times the loss: squares, and one more where the count's binary digits say so. */
function power(one: Atoms, count: number, side: Side, fineness: Fineness): Atoms {
  let result = one;
  for (const digit of count.toString(2).slice(1)) {
    result = composed(result, result, side, fineness);
    if (digit === '1') result = composed(result, one, side, fineness);
  }
  return result;
}

/** The composition of all parts as atoms, from above or below. */
export class DoubledComposition {
  readonly #atoms: Atoms;
  readonly #side: Side;

  constructor(parts: readonly LossPart[], side: Side, options: { readonly cut: number; readonly fineness: Fineness }) {
    this.#side = side;
    this.#atoms = parts
      .map(({ loss, count }) => power(release(loss, side, options), count, side, options.fineness))
      .reduce((sum, part) => composed(sum, part, side, options.fineness));
  }

  /** A bound of delta at epsilon. */
  delta(epsilon: number): number {
    const { at, p, infinite, doubt } = this.#atoms;
    let sum = 0;
    for (let i = p.length - 1; i >= 0 && (at[i] as number) > epsilon; i -= 1)
      sum += (p[i] as number) * shareAbove((at[i] as number) - epsilon);
    const rounding = Math.expm1(doubt + p.length * unit);
    return this.#side === 'above' ? Math.min(1, (sum + infinite) * (1 + rounding)) : (sum + infinite) * (1 - rounding);
  }

  /** A bound of the least epsilon for which delta is enough. */
  epsilon(delta: number): number {
    const above = this.#side === 'above';
    if (this.delta(0) <= delta) return 0;
    let [low, high] = [0, this.#atoms.at[this.#atoms.at.length - 1] ?? 0];
    if (this.delta(high) > delta) return above ? Number.POSITIVE_INFINITY : high;
    for (let i = 0; i < 80 && high - low > 1e-13 * high; i += 1) {
      const middle = (low + high) / 2;
      if (this.delta(middle) > delta) low = middle;
      else high = middle;
    }
    return above ? high : low;
  }
}
