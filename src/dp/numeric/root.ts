/** Roots of monotone functions of one variable, always inside a bracket. */

/** How `bracketedRoot` stops. */
export interface RootOptions {
  /** Stop when the bracket is narrower than this times the size of its ends, plus `absolute`. */
  readonly relative?: number;
  readonly absolute?: number;
  readonly maxSteps?: number;
}

/** An interval whose ends have values of opposite sign. */
export interface Bracket {
  readonly low: number;
  readonly lowValue: number;
  readonly high: number;
  readonly highValue: number;
}

/**
 * Narrows a bracket by the Illinois form of regula falsi, with a bisection whenever two steps did not halve it. The
 * ends keep opposite signs, so that a caller can take the one on the safe side.
 */
export function narrow(f: (x: number) => number, bracket: Bracket, options: RootOptions = {}): Bracket {
  const { relative = 1e-13, absolute = 0, maxSteps = 200 } = options;
  let { low, lowValue, high, highValue } = bracket;
  let lowWeight = lowValue;
  let highWeight = highValue;
  let width = high - low;
  let last = 0;
  for (let step = 0; step < maxSteps; step += 1) {
    const enough = relative * Math.max(Math.abs(low), Math.abs(high)) + absolute;
    if (high - low <= enough) break;
    let x = low - (lowWeight * (high - low)) / (highWeight - lowWeight);
    if (step % 3 === 2 && high - low > 0.5 * width) x = (low + high) / 2;
    if (step % 3 === 2) width = high - low;
    // Never closer to an end than a third of what is asked, so that both ends come in.
    const margin = Math.min(enough / 3, (high - low) / 4);
    x = Math.min(high - margin, Math.max(low + margin, Number.isNaN(x) ? (low + high) / 2 : x));
    if (x <= low || x >= high) break;
    const value = f(x);
    if (value < 0 === lowValue < 0) {
      low = x;
      lowValue = value;
      lowWeight = value;
      if (last === -1) highWeight /= 2;
      last = -1;
    } else {
      high = x;
      highValue = value;
      highWeight = value;
      if (last === 1) lowWeight /= 2;
      last = 1;
    }
    if (value === 0) break;
  }
  return { low, lowValue, high, highValue };
}

/**
 * The middle of the narrowed bracket of `f` on [low, high]; an end where `f` does not change sign, the one nearer to
 * zero.
 */
export function rootBetween(f: (x: number) => number, low: number, high: number, options: RootOptions = {}): number {
  const lowValue = f(low);
  const highValue = f(high);
  if (lowValue < 0 === highValue < 0) return Math.abs(lowValue) < Math.abs(highValue) ? low : high;
  const found = narrow(f, { low, lowValue, high, highValue }, options);
  if (found.lowValue === 0) return found.low;
  if (found.highValue === 0) return found.high;
  return (found.low + found.high) / 2;
}
