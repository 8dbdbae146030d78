import { type Phase, phases } from 'veilsum/secagg';
import type { CohortReport, RoundResult } from 'veilsum/server';

/** A round, and with edges what each of them came to. */
export type PlayedRound = RoundResult & { readonly atEdges: readonly RoundResult[] };

/** How the whole run went: what `--json` prints. */
export interface Summary {
  readonly rounds: number;
  readonly clients: number;
  /** Of the final model on the held-out images, 0 to 1. */
  readonly accuracy: number;
  /** The same after the same rounds without masking or quantization, from the first model on. */
  readonly plainAccuracy: number;
  /**
   * The largest difference in any weight, in any round, between the model that came of masked updates and the model
   * that the same updates of the same survivors give in the clear, in doubles, without quantization.
   */
  readonly maxAbsDifference: number;
  /**
   * What rounding to integers may cost in a weight at most: a step of the grid, more where the optimizer magnifies it.
   * The above is below it if masking costs nothing.
   */
  readonly quantizationStep: number;
  /**
   * The largest difference in any weight of the two final models, each trained on its own: see the last lines of the
   * output.
   */
  readonly finalDrift: number;
  /** Clients that left, by phase, over all rounds, as the server counted them. */
  readonly dropouts: Readonly<Record<Phase, number>>;
  /** Mean over rounds and the clients that took part in them. */
  readonly bytesUpPerClient: number;
  /** Of a round and a client. */
  readonly cost: CostSummary;
  /** Where there is noise. */
  readonly privacy?: PrivacySummary;
  /** Where there is an attack or a robust rule; the comparison is then with honest clients alone, and the mean. */
  readonly robust?: RobustSummary;
  /** Where there are edges. */
  readonly edges?: EdgeSummary;
  /** Where there are buffers instead of rounds. */
  readonly buffers?: BufferSummary;
  /** From the start of the process to the end of the comparison. */
  readonly seconds: number;
}

/** What `planCost` said before, beside what was: bytes are counted; seconds can't be told from those of training. */
export interface CostSummary {
  readonly reckoned: {
    readonly bytesUp: number;
    readonly bytesDown: number;
    readonly clientCpuSeconds: number;
    readonly clientMemoryBytes: number;
    /** Of the whole round. */
    readonly serverCpuSeconds: number;
  };
  /** Means; clients that left early sent less. */
  readonly measured: { readonly bytesUp: number; readonly bytesDown: number };
}

/** What the rule made of the attack. */
export interface RobustSummary {
  readonly attack: string;
  readonly byzantine: number;
  readonly aggregator: string;
  readonly masking: 'pairwise' | 'none';
  /**
   * Verdicts over all rounds on the vectors (of cohorts, or of clients) that a Byzantine client had a part in, and on
   * the others.
   */
  readonly spoiled: { readonly kept: number; readonly rejected: number };
  readonly honest: { readonly kept: number; readonly rejected: number };
  /** Where the Byzantine clients stand in the last ranking by suspicion, from 1. */
  readonly ranks: readonly number[];
}

/** Bytes a round, on average. */
export interface EdgeSummary {
  readonly edges: number;
  readonly bytesUpPerEdge: number;
  /** With the model. */
  readonly bytesDownPerEdge: number;
  /** What the root takes from all edges. */
  readonly bytesUpAtRoot: number;
  /** What it would have to take from all clients. */
  readonly bytesUpWithoutEdges: number;
}

/** How old updates were, in versions of the model. */
export interface BufferSummary {
  readonly bufferSize: number;
  /** Between training and forming the buffer, over all updates. */
  readonly age: { readonly mean: number; readonly max: number };
  /** Between forming the buffer and its step, over all buffers: above 0 where others were summed meanwhile. */
  readonly late: { readonly mean: number; readonly max: number };
}

/** What the rounds cost the clients, and what their noise did. */
export interface PrivacySummary {
  readonly kind: 'central' | 'distributed';
  /** Whether the server saw sums without noise. */
  readonly trustsServer: boolean;
  /** Of all rounds together, from the survivors that each had. */
  readonly epsilon: number;
  readonly delta: number;
  readonly budget: number;
  /** Of each round alone. */
  readonly roundEpsilons: readonly number[];
  /**
   * Standard deviation of the noise in a weight of a round's mean, as measured: against the same updates in the clear.
   */
  readonly noiseDeviation: number;
}

/**
 * Bytes that a client sent and received in a round, on average; with the `fetched` ones of the model and what goes with
 * it.
 */
export function perClient(
  round: PlayedRound,
  fetched: number,
): { readonly bytesUp: number; readonly bytesDown: number } {
  const cohorts = clientCohorts(round);
  const sum = (count: (cohort: CohortReport) => number): number =>
    cohorts.reduce((total, cohort) => total + count(cohort), 0);
  const roster = sum((cohort) => cohort.roster);
  return {
    bytesUp: sum((cohort) => cohort.bytesUp) / roster,
    bytesDown: sum((cohort) => cohort.bytesDown) / roster + fetched,
  };
}

/** The cohorts that the clients were in. */
export function clientCohorts({ cohorts, atEdges }: PlayedRound): readonly CohortReport[] {
  return atEdges.length === 0 ? cohorts : atEdges.flatMap((edge) => edge.cohorts);
}

/** Bytes of all edges to and from the root, with the models that they fetched. */
export function edgeTraffic({ cohorts, model }: PlayedRound): { readonly bytesUp: number; readonly bytesDown: number } {
  return {
    bytesUp: cohorts.reduce((total, { bytesUp }) => total + bytesUp, 0),
    bytesDown: cohorts.reduce((total, { bytesDown, roster }) => total + bytesDown + roster * model.byteLength, 0),
  };
}

export function addUp(counts: readonly Readonly<Record<Phase, number>>[]): Record<Phase, number> {
  const total = { advertise: 0, share: 0, input: 0, confirm: 0, unmask: 0 };
  for (const count of counts) for (const phase of phases) total[phase] += count[phase];
  return total;
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
