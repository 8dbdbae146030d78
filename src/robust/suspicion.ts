import { checkInteger, checkOptions, describe } from '../core/check.js';
import { UsageError } from '../core/errors.js';
import { at } from './vectors.js';

/** Who a client is: whatever the caller names it by. */
export type ClientName = string | number;

/** What a rule said of the cohorts of one round. */
export interface CohortVerdicts {
  /** The clients of each cohort; a client is in one at most. */
  readonly cohorts: readonly (readonly ClientName[])[];
  /** Whether the rule kept each cohort's mean. */
  readonly kept: readonly boolean[];
}

/** How often a client was in rejected cohorts, against what chance would have done. */
export interface Suspicion {
  readonly client: ClientName;
  /** Rounds it took part in, of those remembered. */
  readonly rounds: number;
  /** Rounds in which its cohort was rejected. */
  readonly rejected: number;
  /** The number of rejections expected of a client that has nothing to do with them. */
  readonly expected: number;
  /** (rejected - expected) / standard deviation; 0 where there is no deviation. */
  readonly z: number;
  /** The exact probability that such a client is in as many rejected cohorts or more. */
  readonly tail: number;
  /**
   * The same times the number of clients, at most 1: below alpha, the chance that anyone innocent is named is below
   * alpha.
   */
  readonly adjusted: number;
}

interface Round {
  /** The share of the round's clients that were in rejected cohorts. */
  readonly share: number;
  readonly rejected: ReadonlyMap<ClientName, boolean>;
}

/**
 * Narrows down which clients spoil cohorts, from cohort verdicts alone: no client's own update is ever seen. Works
 * because grouping is fresh and random in every round.
 *
 * The statistics: in a round where cohorts with R of the N clients were rejected, a client that has no part in it is
 * among them with probability R / N (the grouping is uniform), independently of other rounds. Its count of rejections
 * is so Poisson-binomial, with mean sum R/N and variance sum R/N (1 - R/N); the tail is computed exactly, by adding one
 * round at a time. That a rule always rejects some cohort is in R / N. A client that is always rejected among N = 100
 * in cohorts of 10 of which one is rejected has a tail of 10^-r after r rounds.
 *
 * What it can't do: tell two clients apart that were always in the same cohorts; judge a client by few rounds; see one
 * that misbehaves rarely. It is a reason to look at a client, not a proof.
 */
export class SuspicionScores {
  readonly #window: number;
  readonly #rounds: Round[] = [];

  /** `window`: how many of the last rounds count, 1 to 10,000; default 200. */
  constructor(options: { readonly window?: number } = {}) {
    this.#window = checkInteger('window', checkOptions('options', options).window ?? 200, 1, 10_000);
  }

  /**
   * Takes a round's verdicts. Throws `UsageError` (`robust.cohorts`) unless there is one verdict a cohort, and no
   * client twice.
   */
  add(round: CohortVerdicts): void {
    const { cohorts, kept } = checkOptions('round', round);
    if (!Array.isArray(cohorts) || !Array.isArray(kept) || cohorts.length !== kept.length || cohorts.length === 0)
      throw new UsageError('robust.cohorts', 'round must have cohorts and kept, of one length above zero');
    const rejected = new Map<ClientName, boolean>();
    for (const [i, cohort] of cohorts.entries()) {
      if (!Array.isArray(cohort) || cohort.length === 0 || typeof kept[i] !== 'boolean')
        throw new UsageError('robust.cohorts', `cohort ${i} must be a list of clients with a verdict, true or false`);
      for (const client of cohort) {
        if (typeof client !== 'string' && typeof client !== 'number')
          throw new UsageError('robust.cohorts', `clients must be strings or numbers, got ${describe(client)}`);
        if (rejected.has(client))
          throw new UsageError('robust.cohorts', `client ${describe(client)} must be in one cohort, and is in two`);
        rejected.set(client, !kept[i]);
      }
    }
    const count = [...rejected.values()].filter((value) => value).length;
    this.#rounds.push({ share: count / rejected.size, rejected });
    if (this.#rounds.length > this.#window) this.#rounds.shift();
  }

  /** All clients seen, the most suspicious first: by tail, then by z, then in the order of first appearance. */
  scores(): readonly Suspicion[] {
    const clients = new Set(this.#rounds.flatMap(({ rejected }) => [...rejected.keys()]));
    return [...clients]
      .map((client) => this.#scoreOf(client, clients.size))
      .sort((a, b) => a.tail - b.tail || b.z - a.z);
  }

  #scoreOf(client: ClientName, clients: number): Suspicion {
    const taken = this.#rounds.filter((round) => round.rejected.has(client));
    const shares = taken.map(({ share }) => share);
    const rejected = taken.filter((round) => round.rejected.get(client)).length;
    const expected = shares.reduce((sum, share) => sum + share, 0);
    const variance = shares.reduce((sum, share) => sum + share * (1 - share), 0);
    const tail = poissonBinomialTail(shares, rejected);
    return {
      client,
      rounds: taken.length,
      rejected,
      expected,
      z: variance === 0 ? 0 : (rejected - expected) / Math.sqrt(variance),
      tail,
      adjusted: Math.min(1, tail * clients),
    };
  }
}

/** The probability that at least `least` of independent events with these probabilities happen. */
function poissonBinomialTail(probabilities: readonly number[], least: number): number {
  if (least === 0) return 1;
  // chances[k]: the probability of k events so far; those of `least` and more are held together in the last.
  const chances = new Float64Array(least + 1);
  chances[0] = 1;
  for (const probability of probabilities) {
    chances[least] = at(chances, least) + at(chances, least - 1) * probability;
    for (let k = least - 1; k > 0; k--)
      chances[k] = at(chances, k) * (1 - probability) + at(chances, k - 1) * probability;
    chances[0] = at(chances, 0) * (1 - probability);
  }
  return Math.min(1, at(chances, least));
}
