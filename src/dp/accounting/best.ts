/** The least of what several accountants prove. */
import { UsageError } from '../../core/errors.js';
import type { PrivacyEvent } from '../events/event.js';
import type { Relation } from '../neighboring.js';
import { type Accountant, type Bounds, checkDelta, checkEpsilon } from './accountant.js';
import { PldAccountant } from './pld/accountant.js';
import { RdpAccountant } from './rdp/accountant.js';

/** `count` releases. */
export interface CountedEvent<R extends Relation = Relation> {
  readonly event: PrivacyEvent<R>;
  readonly count: number;
}

/** Which releases, and for which neighbors. */
export interface Releases<R extends Relation> {
  readonly relation: R;
  readonly events: readonly CountedEvent<R>[];
}

/**
 * The least epsilon that privacy loss distributions or Renyi divergences prove for all these releases together,
 * whichever can bound them; the highest lower bound.
 *
 * @throws UsageError `dp.unsupported` where neither can, `dp.relation` for an event of another relation, `usage.range`
 */
export function bestEpsilon<R extends Relation>(options: Releases<R> & { readonly delta: number }): Bounds {
  const delta = checkDelta(options.delta);
  return best(options, (account) => account.epsilon(delta));
}

/**
 * The least delta, likewise.
 *
 * @throws as `bestEpsilon`
 */
export function bestDelta<R extends Relation>(options: Releases<R> & { readonly epsilon: number }): Bounds {
  const epsilon = checkEpsilon(options.epsilon);
  return best(options, (account) => account.delta(epsilon));
}

function best<R extends Relation>({ relation, events }: Releases<R>, ask: (account: Accountant<R>) => Bounds): Bounds {
  const refusals: UsageError[] = [];
  const bounds = [new PldAccountant<R>({ relation }), new RdpAccountant<R>({ relation })].flatMap((empty) => {
    const account = composeKnown(empty, events);
    if (!(account instanceof UsageError)) return [ask(account)];
    refusals.push(account);
    return [];
  });
  const [first, second = first] = bounds;
  if (first === undefined || second === undefined)
    throw refusals[0] ?? new UsageError('dp.unsupported', 'no accountant has a bound for these events');
  const least = first.upper <= second.upper ? first : second;
  return { ...least, lower: Math.max(first.lower, second.lower) };
}

/**
 * The account of all the releases, or the error where it has no bound for one of them. Throws what else `compose`
 * throws.
 */
export function composeKnown<R extends Relation>(
  empty: Accountant<R>,
  events: readonly CountedEvent<R>[],
): Accountant<R> | UsageError {
  try {
    return events.reduce((account, { event, count }) => account.compose(event, count), empty);
  } catch (error) {
    if (error instanceof UsageError && error.code === 'dp.unsupported') return error;
    throw error;
  }
}
