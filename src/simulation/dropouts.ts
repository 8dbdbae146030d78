import { checkNumber, describe } from '../core/check.js';
import { UsageError } from '../core/errors.js';
import { type Phase, phases } from '../secagg/phase.js';
import type { Numbers } from './random.js';

/** Fractions of all clients, 0 to 1, that vanish before they send the message of a phase. */
export type DropoutRates = { readonly [phase in Phase]?: number };

/** How one client vanishes. */
export interface Dropout {
  readonly phase: Phase;
  /** In *input*: messages of the upload, of all but the last, that are sent before. */
  readonly chunks: number;
  /** Whether its connection closes, or it merely falls silent. */
  readonly noticed: boolean;
}

/** How many of `clients` vanish in each phase. Throws `UsageError` (`usage.dropout` or `usage.range`). */
export function dropoutCounts(clients: number, rates: DropoutRates): { readonly [phase in Phase]: number } {
  if (typeof rates !== 'object' || rates === null)
    throw new UsageError('usage.dropout', `dropout must be an object of phases and fractions, got ${describe(rates)}`);
  const unknown = Object.keys(rates).find((name) => !phases.some((phase) => phase === name));
  if (unknown !== undefined)
    throw new UsageError(
      'usage.dropout',
      `dropout names the phase ${describe(unknown)}, there are ${phases.join(', ')}`,
    );
  const count = (phase: Phase): number =>
    // As chooseParameters counts them: 0.29 of 100 is 29.
    Math.floor(checkNumber(`dropout.${phase}`, rates[phase] ?? 0, 0, 1) * clients * (1 + 2 ** -50));
  const counts = {
    advertise: count('advertise'),
    share: count('share'),
    input: count('input'),
    confirm: count('confirm'),
    unmask: count('unmask'),
  };
  if (phases.reduce((sum, phase) => sum + counts[phase], 0) > clients)
    throw new UsageError('usage.dropout', 'dropout adds up to more than all clients: lower the fractions');
  return counts;
}

/**
 * Who vanishes when, by client: a seeded choice. In *input* half of them vanish in the middle of their upload, which
 * has `chunks` messages before its last.
 */
export function planDropouts(
  clients: number,
  counts: { readonly [phase in Phase]: number },
  { numbers, chunks }: { readonly numbers: Numbers; readonly chunks: number },
): readonly (Dropout | undefined)[] {
  const order = numbers.shuffled(Array.from({ length: clients }, (_, client) => client));
  const plan = new Array<Dropout | undefined>(clients).fill(undefined);
  let next = 0;
  for (const phase of phases) {
    for (const client of order.slice(next, next + counts[phase])) {
      const midway = phase === 'input' && numbers.below(2) === 1;
      plan[client] = { phase, chunks: midway ? 1 + numbers.below(chunks) : 0, noticed: numbers.below(2) === 1 };
    }
    next += counts[phase];
  }
  return plan;
}
