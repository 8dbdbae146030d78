/** The value of one parameter at which a training run just meets its privacy target, under any accountant. */
import { checkNumber } from '../core/check.js';
import { UsageError } from '../core/errors.js';
import type { Accountant } from './accounting/accountant.js';
import type { PrivacyEvent } from './events/event.js';
import type { Relation } from './neighboring.js';
import { narrow } from './numeric/root.js';

/** What is to hold of everything composed. */
export interface PrivacyTarget {
  readonly epsilon: number;
  readonly delta: number;
}

/** Options of `calibrate`. */
export interface CalibrationOptions<R extends Relation> {
  /** What was spent before; usually a new accountant. */
  readonly accountant: Accountant<R>;
  readonly target: PrivacyTarget;
  /** The run, by the parameter. */
  readonly event: (value: number) => PrivacyEvent<R>;
  /** The values allowed. */
  readonly least: number;
  readonly most: number;
  /** Whether more of it costs more (steps, sampling probability, clip norm at fixed noise) or less (noise). */
  readonly costs: 'more' | 'less';
  /** Whole numbers only: then the result is exact. */
  readonly whole?: boolean;
  /** How near to the limit the result is, relative; always on the safe side. Default 1e-6. */
  readonly tolerance?: number;
}

/**
 * The cheapest value that meets the target: the least noise, or the most steps. Its upper bound of epsilon is at most
 * the target's.
 *
 * @throws UsageError for an empty range (`usage.range`) and where no value of it meets the target (`dp.target`).
 */
export function calibrate<R extends Relation>(options: CalibrationOptions<R>): number {
  const { accountant, event, costs, whole = false } = options;
  const epsilon = checkNumber('target.epsilon', options.target.epsilon, 0, Number.MAX_VALUE);
  const delta = checkNumber('target.delta', options.target.delta, 0, 1);
  const tolerance = checkNumber('tolerance', options.tolerance ?? 1e-6, 1e-12, 0.5);
  const least = checkNumber('least', options.least, 0, Number.MAX_VALUE);
  const most = checkNumber('most', options.most, least, Number.MAX_VALUE);
  const excess = (value: number): number => {
    const spent = accountant.compose(event(value)).epsilonBound(delta);
    // On a logarithmic scale, where epsilon is nearly straight in the parameter; bounded, so that a search can use it.
    return Math.min(50, Math.max(-50, Math.log(spent / epsilon)));
  };
  const search: Search = {
    excess,
    least: whole ? Math.ceil(least) : least,
    most: whole ? Math.floor(most) : most,
    whole,
    tolerance,
  };
  const found = costs === 'less' ? leastSafe(search) : mostSafe(search);
  if (found === undefined) throw new UsageError('dp.target', 'no value in the range meets the privacy target');
  return found;
}

interface Search {
  readonly excess: (value: number) => number;
  readonly least: number;
  readonly most: number;
  readonly whole: boolean;
  readonly tolerance: number;
}

/** Spending falls with the value: the least that is safe. */
function leastSafe(search: Search): number | undefined {
  const start = Math.min(search.most, Math.max(search.least, 1));
  return bracketed(search, start, -1);
}

/** Spending rises with the value: the most that is safe. */
function mostSafe(search: Search): number | undefined {
  const start = Math.min(
    search.most,
    Math.max(search.least, search.whole ? 1 : Math.sqrt(Math.max(search.least, 1e-12) * search.most)),
  );
  return bracketed(search, start, 1);
}

/** Doubles away from `start` until the excess changes sign, then narrows. `way` is the sign of the slope. */
function bracketed({ excess, least, most, whole, tolerance }: Search, start: number, way: 1 | -1): number | undefined {
  let value = start;
  let here = excess(value);
  let other = value;
  let there = here;
  let factor = 2;
  const outward = here <= 0 === (way === 1);
  for (;;) {
    const limit = outward ? most : least;
    if (value === limit) return here <= 0 ? value : undefined;
    other = value;
    there = here;
    value = outward ? Math.min(most, value * factor) : Math.max(least, value / factor);
    if (whole) value = outward ? Math.ceil(value) : Math.floor(value);
    if (!outward && value < 1e-12 * start) value = least;
    factor = Math.min(factor * 1.5, 1e3);
    here = excess(value);
    if (here <= 0 !== there <= 0) break;
  }
  const [low, lowValue, high, highValue] = value < other ? [value, here, other, there] : [other, there, value, here];
  if (whole) return wholeBetween(excess, { low, lowValue, high, highValue }, way);
  if (low <= 0) {
    const found = narrow(excess, { low, lowValue, high, highValue }, { relative: tolerance });
    return found.highValue <= 0 ? found.high : found.low;
  }
  const f = (log: number): number => excess(Math.exp(log));
  const ends = { low: Math.log(low), lowValue, high: Math.log(high), highValue };
  const found = narrow(f, ends, { relative: 0, absolute: tolerance, maxSteps: 80 });
  return Math.exp(found.highValue <= 0 ? found.high : found.low);
}

/** Interpolates while the bracket is wide; ends at two neighboring numbers. */
function wholeBetween(
  excess: (value: number) => number,
  bracket: { low: number; lowValue: number; high: number; highValue: number },
  way: 1 | -1,
): number {
  let { low, lowValue, high, highValue } = bracket;
  for (let step = 0; high - low > 1; step += 1) {
    const share = step % 3 === 2 ? 0.5 : lowValue / (lowValue - highValue);
    const middle = Math.min(high - 1, Math.max(low + 1, Math.round(low + share * (high - low))));
    const value = excess(middle);
    if (value <= 0 === lowValue <= 0) {
      low = middle;
      lowValue = value;
    } else {
      high = middle;
      highValue = value;
    }
  }
  return way === 1 ? low : high;
}
