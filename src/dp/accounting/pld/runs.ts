/** Runs: stretches of a smooth loss that are merged into one, so that the merged loss is on a grid. See `grid.ts`. */
import { newTails, type SmoothLoss, type Tails } from './loss.js';

const unit = 2 ** -53;

/** Mass between two points, by the smaller tails. */
export function between(above: number, below: number, nextAbove: number, nextBelow: number): number {
  return Math.max(0, above < 0.5 ? above - nextAbove : nextBelow - below);
}

/**
 * How far the mass between two points may be off: the tails' relative error, which grows with the square of the
 * distance.
 */
export function uncertainty(above: number, below: number): number {
  const tail = Math.min(above, below);
  return tail === 0 ? 0 : unit * tail * (8 - 4 * Math.log(tail));
}

/** Cuts a smooth loss into runs whose merged loss is on the grid, from one end to the other. */
export class Runs {
  readonly #loss: SmoothLoss;
  readonly #h: number;
  /** 1 for going up, -1 for going down. */
  readonly #way: 1 | -1;
  /** In grid steps. */
  readonly #longest: number;
  #start: Tails = newTails();
  #end: Tails = newTails();
  #skew = 0;
  position: number;

  constructor(loss: SmoothLoss, h: number, position: number, way: 1 | -1, longest: number) {
    this.#longest = longest;
    this.#loss = loss;
    this.#h = h;
    this.#way = way;
    this.position = position;
    this.#tails(position, this.#start);
  }

  /** Mass ahead of the position, but for an atom at the end. */
  get left(): number {
    const { low, high } = this.#loss.atoms;
    return this.#way === 1 ? this.#start.pAbove - high : this.#start.pBelow - low;
  }

  /**
   * The next run: from the position, across the next grid point x, to where the merged loss is x. With a the distance
   * to x, it ends about a further on, a little more where the density falls; a Newton step on the square of the
   * distance converges. Where runs come to alternate between long and short, their number of grid points is still at
   * most two.
   */
  next(last: number): { index: number; mass: number } {
    const h = this.#h;
    const way = this.#way;
    let index = way === 1 ? Math.floor(this.position / h) + 1 : Math.ceil(this.position / h) - 1;
    if ((index * h - this.position) * way <= 0) index += way;
    const x = index * h;
    const factor = Math.exp(x);
    const a = Math.abs(x - this.position);
    const most = (last - x) * way;
    let reach = a + this.#skew * a * a;
    if (!(reach > 0.2 * a && reach < 5 * a)) reach = a;
    let short = 0;
    const limit = Math.min(Math.max(0, most), this.#longest * h);
    let long = limit;
    let before: { readonly square: number; readonly gap: number } | undefined;
    for (let step = 0; step < 60; step += 1) {
      reach = Math.min(reach, long);
      const end = reach >= most ? last : x + way * reach;
      const { p, q } = this.#run(end);
      const gap = p - factor * q;
      if (gap >= 0 && gap <= 1e-9 * p * h) return this.#close(end, index, p, factor);
      if (gap * way < 0 && reach === long) break;
      if (gap * way < 0) short = reach;
      else long = reach;
      const square = reach * reach;
      // The slope of the gap in the square, from the mean density at first, then from the last two points.
      const slope =
        before === undefined ? (way * p) / (2 * (a + reach)) : (gap - before.gap) / (square - before.square);
      before = { square, gap };
      reach = Math.sqrt(square - gap / slope + 1e-10 * way * a * a);
      // Outside of what is known to hold the end (or not a number, where there is no mass yet): look at the far end, or
      // halve.
      if (!(reach > short && reach < long)) reach = step === 0 ? long : (short + long) / 2;
    }
    const balanced = way === 1 ? long : short;
    return this.#rounded(x, balanced === limit ? x : x + way * balanced, last, index, factor);
  }

  /** A run that could not be balanced: to `end` if its merged loss is at least x there, else to x; down to the grid. */
  #rounded(x: number, end: number, last: number, index: number, factor: number): { index: number; mass: number } {
    const whole = this.#run(end);
    if (whole.p >= factor * whole.q && (end - this.position) * this.#way > 0)
      return this.#close(end, index, whole.p, factor);
    const near = (last - x) * this.#way <= 0 ? last : x;
    const { p, q } = this.#run(near);
    return this.#close(near, Math.floor(Math.log(p / q) / this.#h), p, factor);
  }

  /** Tails at a point, an atom at the top taken to be just above it. */
  #tails(at: number, into: Tails): void {
    const { highest, atoms } = this.#loss;
    this.#loss.tails(at, into);
    if (atoms.high === 0 || at < highest) return;
    into.pAbove = atoms.high;
    into.pBelow = 1 - atoms.high;
    into.qAbove = atoms.high * Math.exp(-highest);
    into.qBelow = 1 - into.qAbove;
  }

  /** Masses between the position and `end`. */
  #run(end: number): { p: number; q: number } {
    this.#tails(end, this.#end);
    const lower = this.#way === 1 ? this.#start : this.#end;
    const upper = this.#way === 1 ? this.#end : this.#start;
    return {
      p: between(lower.pAbove, lower.pBelow, upper.pAbove, upper.pBelow),
      q: between(lower.qAbove, lower.qBelow, upper.qAbove, upper.qBelow),
    };
  }

  /**
   * All of the run's mass, whose loss is at least that of the grid point; less what rounding may have put into
   * question.
   */
  #close(end: number, index: number, p: number, factor: number): { index: number; mass: number } {
    const a = Math.abs(index * this.#h - this.position);
    const { pAbove, pBelow, qAbove, qBelow } = this.#way === 1 ? this.#start : this.#end;
    const doubt = 2 * (uncertainty(pAbove, pBelow) + factor * uncertainty(qAbove, qBelow));
    this.#skew = (Math.abs(end - this.position) - 2 * a) / (a * a);
    this.position = end;
    [this.#start, this.#end] = [this.#end, this.#start];
    return { index, mass: p > doubt ? p - doubt : 0 };
  }
}
