import type { Verdict } from '../robust/rule.js';
import type { Suspicion } from '../robust/suspicion.js';
import type { Phase } from '../secagg/phase.js';
import type { CohortResult } from './cohort.js';
import type { RoundPrivacy } from './privacy.js';

/** How a cohort's session went that came to a sum. */
export interface CohortReport {
  /** Clients that advertised. */
  readonly roster: number;
  /** Clients in the sum. */
  readonly survivors: number;
  /** Clients that left before each phase's message. */
  readonly dropouts: Readonly<Record<Phase, number>>;
  /**
   * Clients that revealed a wrong seed share, by the server's name for their connections. The sum is right in spite of
   * it.
   */
  readonly cheaters: readonly string[];
  /** Bytes of all messages from the cohort's clients, and to them; the model, fetched over HTTP, isn't in it. */
  readonly bytesUp: number;
  readonly bytesDown: number;
  readonly degree: number;
  /** 0, as the degree, in a session without masking. */
  readonly threshold: number;
  /** Who is in the sum: identity keys in hexadecimal. */
  readonly clients: readonly string[];
  /** Under a buffered schedule. */
  readonly versions?: BufferVersions;
}

/** How old a buffer's sum is. */
export interface BufferVersions {
  /**
   * Of each of `clients`, in order: the version that this server handed it. What it trained it says to nobody, and
   * weighs its update by.
   */
  readonly trained: readonly number[];
  /** The version when the cohort was formed. */
  readonly formed: number;
  /** The version that the sum went into: the result's `round`. */
  readonly applied: number;
  /** What the sum counted for the versions between, 1 if there were none. */
  readonly weight: number;
}

/** Why a cohort's session came to no sum. */
export interface CohortFailure {
  readonly code: string;
  readonly reason: string;
}

/** What a round came to. */
export interface RoundResult {
  /** From 0. Under a buffered schedule the version of the model that the sums went into. */
  readonly round: number;
  /** The new model: what the plan's optimizer makes of the old one and the updates; by default old plus mean. */
  readonly model: Float32Array;
  /**
   * What the updates were combined to, which the optimizer took: their weighted mean, or what the robust rule makes of
   * them.
   */
  readonly mean: Float64Array;
  /** Sum of the weights. */
  readonly weight: number;
  /** Sum of each metric over all clients in the sums. */
  readonly metrics: Readonly<Record<string, number>>;
  readonly cohorts: readonly CohortReport[];
  /** What the round cost its clients, where the plan has noise; charged to the ledger before this result was made. */
  readonly privacy?: RoundPrivacy;
  /** Under a robust rule what it found about each of `judged`, in order. */
  readonly verdicts?: readonly Verdict[];
  /**
   * Whose vectors the rule judged: the clients of each cohort, or without masking each client; identity keys in
   * hexadecimal.
   */
  readonly judged?: readonly (readonly string[])[];
  /**
   * Under a robust rule how suspicious each client seen so far is, most first: by verdicts alone, over rounds. No
   * proof.
   */
  readonly suspicions?: readonly Suspicion[];
  /**
   * The seed by which clients were put into cohorts, drawn for this round once they had come, in hexadecimal. Empty
   * under a buffered schedule, where a cohort is whoever was ready.
   */
  readonly cohortSeed: string;
  /** Of cohorts that came to nothing, in this attempt and in earlier ones. */
  readonly failures: readonly CohortFailure[];
  /** From the first offer to the new model, attempts that failed included. */
  readonly seconds: number;
  /** Model and optimizer, bit for bit, for the task's option `checkpoint`. */
  readonly checkpoint: () => Uint8Array;
}

/** The part of a cohort's result that its server's operator sees. */
export function reportOf({ result, identities, offered, bytesUp, bytesDown }: CohortResult): CohortReport {
  const { roster, survivors, dropouts, cheaters, parameters } = result;
  return {
    roster: roster.length,
    survivors: survivors.length,
    dropouts: {
      advertise: offered - roster.length,
      share: dropouts.share.length,
      input: dropouts.input.length,
      confirm: dropouts.confirm.length,
      unmask: dropouts.unmask.length,
    },
    cheaters,
    bytesUp,
    bytesDown,
    degree: parameters.degree,
    threshold: parameters.threshold,
    clients: identities,
  };
}
