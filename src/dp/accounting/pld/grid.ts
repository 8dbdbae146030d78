/**
 * Losses on a grid of multiples of h, from above and from below.
 *
 * From above, each stretch of the loss between two grid points goes to the two points, so that its masses under P and
 * under Q are kept: the hockey-stick curve is drawn through its values at the grid ("connect the dots", Doroshenko,
 * Ghazi, Kamath, Kumar, Manurangsi 2022). This adds about h^2/6 of variance and dominates the release.
 *
 * From below, outcomes with neighboring losses are merged, in runs chosen so that the loss of a merged run falls on the
 * grid: an instance of post-processing, so the release dominates it. In terms of the curve: tangents that meet above
 * grid points. This takes about h^2/12 of variance.
 *
 * Rounding is charged to the safe side: where a share of mass is uncertain, more of it goes up in the first and less in
 * the second.
 */

import { type DiscreteLoss, type Loss, newTails, type SmoothLoss } from './loss.js';
import { between, Runs, uncertainty } from './runs.js';

/** Masses under P at (first + i) h. What is missing to 1 has the loss minus infinity. */
export interface GridLoss {
  readonly first: number;
  readonly masses: Float64Array;
  /** Mass under P of an infinite loss. */
  readonly infinite: number;
}

/** Losses beyond this are taken for infinite from above, and for this from below: e^loss must be a double. */
const largestLoss = 700;
const unit = 2 ** -53;

/** The finite range that holds all of P's mass but `cut` at each end. */
export function lossRange(loss: Loss, cut: number): { readonly low: number; readonly high: number } {
  if (loss.kind === 'discrete') {
    const { first, last } = atomRange(loss, cut);
    return { low: loss.losses[first] ?? 0, high: loss.losses[last] ?? 0 };
  }
  const tails = newTails();
  const above = (x: number): boolean => {
    loss.tails(x, tails);
    return tails.pAbove > cut;
  };
  const below = (x: number): boolean => {
    loss.tails(x, tails);
    return tails.pBelow > cut;
  };
  const high = Number.isFinite(loss.highest) ? loss.highest : outermost(above);
  const low = Number.isFinite(loss.lowest) ? loss.lowest : -outermost((x) => below(-x));
  return { low: tighter(low, high, (x) => !below(x)), high: tighter(high, low, (x) => !above(x)) };
}

/** The atoms that hold all of P's mass but at most `cut` at each end. */
function atomRange({ p, losses }: DiscreteLoss, cut: number): { readonly first: number; readonly last: number } {
  let first = 0;
  let last = losses.length - 1;
  for (let sum = p[first] ?? 0; sum <= cut && first < last; sum += p[first] as number) first += 1;
  for (
    let sum = p[last] ?? 0;
    (sum <= cut || (losses[last] as number) > largestLoss) && first < last;
    sum += p[last] as number
  )
    last -= 1;
  return { first, last };
}

/**
 * Without the atoms of the tails: rounded up, the upper ones to infinity, for a bound from above; down or away for one
 * from below.
 */
function trimmed(loss: DiscreteLoss, cut: number, side: 'above' | 'below'): DiscreteLoss {
  const { first, last } = atomRange(loss, cut);
  if (first === 0 && last === loss.p.length - 1) return loss;
  const p = loss.p.slice(first, last + 1);
  const sum = (from: number, to: number): number => loss.p.subarray(from, to).reduce((total, mass) => total + mass, 0);
  const over = sum(last + 1, loss.p.length);
  const [at, mass] = side === 'above' ? [0, sum(0, first)] : [p.length - 1, over];
  p[at] = (p[at] as number) + mass;
  const infinite = side === 'above' ? loss.infinite + over : loss.infinite;
  return { ...loss, losses: loss.losses.slice(first, last + 1), p, infinite };
}

/** A power-of-two-ish x up to the largest loss at which the tail is no longer heavy. */
function outermost(heavy: (x: number) => boolean): number {
  let x = 1e-12;
  while (x < largestLoss && heavy(x)) x *= 2;
  return Math.min(x, largestLoss);
}

/** Moves `end` towards `other` while it stays light, to a hundredth of the distance. */
function tighter(end: number, other: number, light: (x: number) => boolean): number {
  let out = end;
  let inside = other;
  if (light(inside)) return inside;
  for (let i = 0; i < 30 && Math.abs(out - inside) > 0.002 * Math.abs(end - inside); i += 1) {
    const middle = (out + inside) / 2;
    if (light(middle)) out = middle;
    else inside = middle;
  }
  return out;
}

/** A loss on the grid that dominates `loss`. Tails of at most `cut` are rounded up, the upper one to infinity. */
export function gridFromAbove(loss: Loss, h: number, cut: number): GridLoss {
  return loss.kind === 'smooth' ? smoothFromAbove(loss, h, cut) : discreteFromAbove(trimmed(loss, cut, 'above'), h);
}

/**
 * A loss on the grid that `loss` dominates.
 *
 * @param longest how many grid steps a run may take in to balance, before it is rounded down instead: what is lost by a
 *   long one is paid where the mass is sparse, by rounding where it is dense
 */
export function gridFromBelow(
  loss: Loss,
  h: number,
  cut: number,
  longest: number = Number.POSITIVE_INFINITY,
): GridLoss {
  return loss.kind === 'smooth'
    ? smoothFromBelow(loss, h, cut, longest)
    : discreteFromBelow(trimmed(loss, cut, 'below'), h);
}

function smoothFromAbove(loss: SmoothLoss, h: number, cut: number): GridLoss {
  const { low, high } = lossRange(loss, cut);
  const first = Math.floor(low / h);
  let last = Math.max(first + 1, Math.ceil(high / h));
  // An atom at the top must not be left above the grid by the rounding of the product.
  if (last * h < high) last += 1;
  const masses = new Float64Array(last - first + 1);
  let left = newTails();
  let right = newTails();
  const share = -Math.expm1(-h);
  loss.tails(first * h, left);
  masses[0] = left.pBelow;
  for (let i = first + 1; i <= last; i += 1) {
    loss.tails(i * h, right);
    const p = between(left.pAbove, left.pBelow, right.pAbove, right.pBelow);
    const q = between(left.qAbove, left.qBelow, right.qAbove, right.qBelow);
    const factor = Math.exp((i - 1) * h);
    const doubt = 2 * (uncertainty(left.pAbove, left.pBelow) + factor * uncertainty(left.qAbove, left.qBelow));
    const up = Math.min(p, Math.max(0, (p - factor * q + doubt) / share));
    masses[i - first] = up;
    masses[i - first - 1] = (masses[i - first - 1] as number) + (p - up);
    [left, right] = [right, left];
  }
  return { first, masses, infinite: left.pAbove };
}

/** Masses at grid indices, in any order. */
class Collector {
  readonly #indices: number[] = [];
  readonly #masses: number[] = [];
  #first = Number.POSITIVE_INFINITY;
  #last = Number.NEGATIVE_INFINITY;

  add(index: number, mass: number): void {
    if (!(mass > 0)) return;
    this.#indices.push(index);
    this.#masses.push(mass);
    this.#first = Math.min(this.#first, index);
    this.#last = Math.max(this.#last, index);
  }

  grid(infinite: number): GridLoss {
    if (this.#indices.length === 0) return { first: 0, masses: new Float64Array(1), infinite };
    const first = this.#first;
    const masses = new Float64Array(this.#last - first + 1);
    this.#indices.forEach((index, i) => {
      masses[index - first] = (masses[index - first] as number) + (this.#masses[i] as number);
    });
    return { first, masses, infinite };
  }
}

/** The grid point at or below a loss; one that is on the grid but for rounding stays. */
function floorIndex(loss: number, h: number): number {
  const nearest = Math.round(loss / h);
  return Math.abs(loss - nearest * h) <= 8 * unit * Math.abs(loss) ? nearest : Math.floor(loss / h);
}

function smoothFromBelow(loss: SmoothLoss, h: number, cut: number, longest: number): GridLoss {
  const { low, high } = lossRange(loss, cut);
  const found = new Collector();
  if (loss.atoms.low > 0) found.add(floorIndex(loss.lowest, h), loss.atoms.low);
  if (loss.atoms.high > 0) found.add(floorIndex(loss.highest, h), loss.atoms.high);
  // A sharp end, where much of the mass may be, is the one to begin at.
  const up = Number.isFinite(loss.lowest) || !Number.isFinite(loss.highest);
  const runs = new Runs(
    loss,
    h,
    up ? firstMass(loss, low, high) : lastMass(loss, low, high, cut),
    up ? 1 : -1,
    longest,
  );
  const least = up ? cut : 1e-17;
  while ((up ? runs.position < high : runs.position > low) && runs.left > least) {
    const run = runs.next(up ? high : low);
    found.add(run.index, run.mass);
  }
  return found.grid(0);
}

/** Where mass begins: a point in the range that has at most 1e-17 below it, besides the atom at the bottom. */
function firstMass(loss: SmoothLoss, low: number, high: number): number {
  const tails = newTails();
  let out = low;
  let inside = high;
  for (let i = 0; i < 60; i += 1) {
    const middle = (out + inside) / 2;
    loss.tails(middle, tails);
    if (tails.pBelow - loss.atoms.low > 1e-17) inside = middle;
    else out = middle;
  }
  return out;
}

/** Where mass ends: a point with at most `cut` above it, besides the atom at the top. */
function lastMass(loss: SmoothLoss, low: number, high: number, cut: number): number {
  const tails = newTails();
  let inside = low;
  let out = high;
  for (let i = 0; i < 60; i += 1) {
    const middle = (out + inside) / 2;
    loss.tails(middle, tails);
    if (tails.pAbove - loss.atoms.high > cut) inside = middle;
    else out = middle;
  }
  return out;
}

function discreteFromAbove({ losses, p, infinite }: DiscreteLoss, h: number): GridLoss {
  const top = losses[losses.length - 1] ?? 0;
  const first = floorIndex(losses[0] ?? 0, h);
  const capped = Math.min(top, largestLoss);
  const masses = new Float64Array(Math.max(0, floorIndex(capped, h)) + 2 - Math.min(first, 0) + Math.abs(first));
  const share = -Math.expm1(-h);
  let beyond = infinite;
  for (let i = 0; i < p.length; i += 1) {
    const loss = losses[i] as number;
    const mass = p[i] as number;
    if (loss > largestLoss) {
      beyond += mass;
      continue;
    }
    const index = floorIndex(loss, h);
    const at = index - first;
    // The ulp keeps the rounding of the share on the safe side.
    const up =
      loss - index * h <= 8 * unit * Math.abs(loss)
        ? 0
        : Math.min(1, (-Math.expm1(index * h - loss) + 8 * unit) / share);
    masses[at] = (masses[at] as number) + mass * (1 - up);
    masses[at + 1] = (masses[at + 1] as number) + mass * up;
  }
  return { first, masses: masses.slice(0, floorIndex(capped, h) + 2 - first), infinite: beyond };
}

/** Merging and rounding down are both lawful; the one that leaves more is taken. */
function discreteFromBelow(loss: DiscreteLoss, h: number): GridLoss {
  const floored = floorAtoms(loss, h);
  const span = (loss.losses[loss.losses.length - 1] ?? 0) - (loss.losses[0] ?? 0);
  if (loss.lattice !== undefined && onGrid(loss.lattice, h)) return floored;
  if (span > h * loss.losses.length * 2) return floored;
  const merged = mergeAtoms(loss, h);
  return meanLoss(merged) > meanLoss(floored) ? merged : floored;
}

function onGrid(lattice: number, h: number): boolean {
  return Math.abs(lattice / h - Math.round(lattice / h)) < 1e-9;
}

function meanLoss({ first, masses }: GridLoss): number {
  return masses.reduce((sum, mass, i) => sum + mass * (first + i), 0);
}

function floorAtoms({ losses, p, infinite }: DiscreteLoss, h: number): GridLoss {
  const found = new Collector();
  for (let i = 0; i < p.length; i += 1)
    found.add(floorIndex(Math.min(losses[i] as number, largestLoss), h), p[i] as number);
  return found.grid(infinite);
}

/** As `Runs`, on atoms, of which the last of a run may be split: post-processing may toss coins. */
function mergeAtoms({ losses, p, infinite }: DiscreteLoss, h: number): GridLoss {
  const found = new Collector();
  let index = Number.NEGATIVE_INFINITY;
  let sumP = 0;
  let sumQ = 0;
  const close = (at: number): void => {
    if (sumP > 0) found.add(at, sumP * (1 - 16 * unit));
    sumP = 0;
    sumQ = 0;
  };
  for (let i = 0; i < p.length; i += 1) {
    const loss = Math.min(losses[i] as number, largestLoss);
    let mass = p[i] as number;
    while (mass > 0) {
      if (sumP === 0) index = floorIndex(loss, h) + (floorIndex(loss, h) * h >= loss ? 0 : 1);
      const excess = -Math.expm1(index * h - loss);
      const missing = Math.exp(index * h) * sumQ - sumP;
      if (excess <= 0 || mass * excess <= missing) {
        sumP += mass;
        sumQ += mass * Math.exp(-loss);
        mass = 0;
        if (excess === 0 && missing <= 0) close(index);
      } else {
        const taken = Math.max(0, missing / excess);
        sumP += taken;
        mass -= taken;
        close(index);
      }
    }
  }
  if (sumP > 0) close(Math.floor(Math.log(sumP / sumQ) / h));
  return found.grid(infinite);
}
