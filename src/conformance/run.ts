import { AbortError, UsageError, VeilsumError } from '../core/errors.js';
import { type Check, type Finding, fail } from './check.js';

/** What became of a check. */
export interface Graded extends Finding {
  readonly id: string;
  readonly rules: readonly string[];
  readonly title: string;
  readonly seconds: number;
}

/** Checks in a row that found nobody to check, after which no more is asked. */
const strikes = 3;

/** Faults of whoever started the run: no check can be carried out. */
const fatal: ReadonlySet<string> = new Set(['usage.command', 'usage.url', 'usage.clients', 'usage.enrol']);

/**
 * Runs checks one after the other; one that can't be carried out has failed. Throws `UsageError` if there is no program
 * to check (`usage.command`) or it isn't the one that was meant (`usage.url`, `usage.clients`, `usage.enrol`).
 */
export async function* runChecks<Party>(checks: readonly Check<Party>[], party: () => Party): AsyncGenerator<Graded> {
  let absent = 0;
  for (const { id, rules, title, run } of checks) {
    const since = performance.now();
    const { reached, ...finding }: Carried =
      absent < strikes ? await carryOut(() => run(party())) : { ...notAsked, reached: false };
    absent = reached ? 0 : absent + 1;
    yield { ...finding, id, rules, title, seconds: (performance.now() - since) / 1000 };
  }
}

const notAsked = fail(`not asked: nobody answered ${strikes} times before`);

interface Carried extends Finding {
  readonly reached: boolean;
}

async function carryOut(run: () => Promise<Finding>): Promise<Carried> {
  try {
    return { ...(await run()), reached: true };
  } catch (error) {
    if (error instanceof UsageError && fatal.has(error.code)) throw error;
    const known = error instanceof VeilsumError || error instanceof RangeError;
    if (!known) throw error;
    const reached = !(error instanceof AbortError && error.code === 'conformance.unreachable');
    return { ...fail(error.message), reached };
  }
}
