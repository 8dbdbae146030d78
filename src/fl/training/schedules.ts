/** Learning rates that change with time: over the steps of a client, or over the rounds of a task. */
import { checkInteger, checkNumber, describe } from '../../core/check.js';
import { UsageError } from '../../core/errors.js';

/** The learning rate at a step (or round), counted from 0. */
export type Schedule = (step: number) => number;

/** Largest learning rate that is accepted: beyond it is a mistake. */
const maxRate = 1e6;

/** The same at every step. Throws `UsageError` (`usage.range`), as all of these do. */
export function constantRate(rate: number): Schedule {
  const held = checkNumber('rate', rate, 0, maxRate);
  return () => held;
}

/** `rate`, times `factor` after each `every` steps. */
export function stepDecay(options: {
  readonly rate: number;
  readonly every: number;
  readonly factor: number;
}): Schedule {
  const rate = checkNumber('rate', options.rate, 0, maxRate);
  const every = checkInteger('every', options.every, 1, Number.MAX_SAFE_INTEGER);
  const factor = checkNumber('factor', options.factor, 0, 1);
  return (step) => rate * factor ** Math.floor(step / every);
}

/**
 * From `rate` to `floor` (0 where not given) along half a cosine in `steps` steps, then `floor` (Loshchilov and Hutter,
 * 2017).
 */
export function cosineDecay(options: {
  readonly rate: number;
  readonly steps: number;
  readonly floor?: number;
}): Schedule {
  const rate = checkNumber('rate', options.rate, 0, maxRate);
  const steps = checkInteger('steps', options.steps, 1, Number.MAX_SAFE_INTEGER);
  const floor = checkNumber('floor', options.floor ?? 0, 0, rate);
  return (step) => floor + ((rate - floor) * (1 + Math.cos(Math.PI * Math.min(1, step / steps)))) / 2;
}

/** Rises evenly for `steps` steps to where `rate` starts, and follows it from its step 0 on (Goyal et al., 2017). */
export function warmUp(options: { readonly steps: number; readonly rate: number | Schedule }): Schedule {
  const steps = checkInteger('steps', options.steps, 1, Number.MAX_SAFE_INTEGER);
  const rate = scheduleOf(options.rate);
  return (step) => (step < steps ? (rate(0) * (step + 1)) / (steps + 1) : rate(step - steps));
}

/** A number is the constant schedule. Throws `UsageError` (`usage.range`, `usage.options`). */
export function scheduleOf(rate: number | Schedule): Schedule {
  if (typeof rate === 'function') return rate;
  if (typeof rate !== 'number')
    throw new UsageError('usage.options', `learningRate must be a number or a schedule, got ${describe(rate)}`);
  return constantRate(rate);
}
