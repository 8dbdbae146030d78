import { checkInteger, checkNumber, checkOptions } from '../../core/check.js';
import { packedLength } from '../../ring/pack.js';
import type { Plan } from './fields.js';
import { plainInputCoding } from './plain-input.js';
import { planBytes } from './plan.js';
import { ringShape, valuesLength } from './shape.js';
import { epsilonOf, plannedEpsilon, worstEvent } from './stages/privacy.js';

/** What a round will be like. */
export interface RoundExpectation {
  /** Clients in a cohort; the plan's most unless told. */
  readonly clients?: number;
  /** Cohorts of the round, 1 (or what a robust rule needs) unless told. */
  readonly cohorts?: number;
  /** Neighbors of a client in the graph (k); all others unless told. */
  readonly degree?: number;
  /** Part of a cohort's clients that drop out before the sum, each leaving its pairwise masks to be removed; 0 unless told. */
  readonly dropout?: number;
}

/** What a round costs, as reckoned before anything runs. CPU seconds are those of one core of the machine that was measured. */
export interface PlanCost {
  /** Of a client, in bytes: its input, and all of its messages; the model that it fetches and all messages to it. */
  readonly client: {
    readonly inputBytes: number;
    readonly bytesUp: number;
    readonly bytesDown: number;
    readonly cpuSeconds: number;
    readonly memoryBytes: number;
  };
  /** Of the server, for all cohorts. */
  readonly server: {
    readonly bytesUp: number;
    readonly bytesDown: number;
    readonly cpuSeconds: number;
    readonly memoryBytes: number;
  };
  /** What a round costs clients at most, and all rounds of the plan; none where the plan has no noise. */
  readonly privacy?: {
    readonly roundEpsilon: number;
    readonly epsilon: number;
    readonly delta: number;
    readonly rounds: number;
  };
}

/**
 * Measured constants: CPU time on one core of a two-core virtual machine (Node 20, native agreement and signatures, SIMD kernels), medians of
 * five. They are for orders of magnitude: another machine has others, in much the same proportion.
 */
const measured = {
  /** Bytes a second of ChaCha20 key stream that are added to a vector (3.3e9). */
  maskBytes: 3.2e9,
  /** Values a second: clipping, stochastic rounding, packing (6.6e7). */
  encodedValues: 6.5e7,
  /** Values a second: unpacking and adding an input (8.8e8). */
  addedValues: 8.5e8,
  /** Values a second: decoding a sum, and its mean (8.9e6). */
  decodedValues: 9e6,
  /** Values a second and level of the Walsh-Hadamard transform, of which there are log2(d) (6.5e8). */
  rotatedValues: 6.5e8,
  /** Draws a second of discrete Gaussian noise, with conditional rounding (3.6e6). */
  noiseDraws: 3.6e6,
  /** Values a second and vector that a robust rule goes through, pairs of vectors included: nnm with trimmed-mean (5.2e7 to 5.6e7). */
  robustValues: 5.3e7,
  /** Seconds of one Ed25519 signature or verification, or of what goes with one message (4.1e-4). */
  signature: 4e-4,
  /** Seconds to agree, seal, share, open and judge for one neighbor, client and server together (1.8e-4 in a session of 60): the client's part. */
  neighborOfClient: 1.3e-4,
  neighborOfServer: 5e-5,
} as const;

/** Bytes of messages by what they grow with, fitted to simulated sessions (of 10 to 160 clients) to within a few per cent. */
const messages = {
  /** Advertisement, commitment, signatures. */
  up: 470,
  /** Sealed shares and a reveal. */
  neighborUp: 119,
  /** Context, outcome and what else is sent to everybody; the plan comes on top. */
  down: 720,
  /** A roster's identity and proof. */
  clientDown: 43,
  /** Advertisement, sealed shares, confirmation. */
  neighborDown: 390,
  /** An application seed's share, sealed and revealed, and its commitment. */
  seed: 32,
} as const;

/**
 * Bytes, CPU time, memory and privacy of one round under a plan. Bytes follow from the formats, to within a few per cent; seconds and memory
 * from measured constants, to within a factor of about two. Throws `UsageError` (`usage.range`, `usage.options`).
 */
export function planCost(plan: Plan, expectation: RoundExpectation = {}): PlanCost {
  const { clients, cohorts, degree, dropout } = checkExpectation(plan, expectation);
  const { bits, length } = ringShape(plan);
  const { dimension } = plan.vector;
  const values = valuesLength(plan);
  const masked = plan.masking.kind === 'pairwise';
  const seeds = plan.privacy.kind === 'distributed' ? plan.privacy.releaseAt.length : 0;
  const inputBytes = masked ? packedLength(bits, length) : plainInputCoding(plan).length;
  const laneBytes = bits <= 8 ? 1 : bits <= 16 ? 2 : 4;
  const neighbors = masked ? degree : 0;

  const rotation = plan.rotate.kind === 'hadamard' ? (values * Math.log2(values)) / measured.rotatedValues : 0;
  const draws = plan.privacy.kind === 'distributed' ? (1 + seeds) * values : 0;
  const maskSeconds = ((neighbors + (masked ? 1 : 0)) * length * laneBytes) / measured.maskBytes;
  const clientSeconds =
    length / measured.encodedValues +
    rotation +
    draws / measured.noiseDraws +
    maskSeconds +
    3 * measured.signature +
    neighbors * measured.neighborOfClient;

  const gone = Math.round(clients * dropout);
  const survivors = clients - gone;
  const streams = masked ? survivors + gone * degree : 0;
  const removed = plan.privacy.kind === 'distributed' ? survivors * seedsRemoved(plan, survivors) * values : 0;
  const central = plan.privacy.kind === 'central' ? values : 0;
  const cohortSeconds =
    (survivors * length) / measured.addedValues +
    length / measured.decodedValues +
    (streams * length * laneBytes) / measured.maskBytes +
    (removed + central) / measured.noiseDraws +
    rotation +
    clients * measured.signature +
    clients * neighbors * measured.neighborOfServer;
  const vectors = plan.combine.kind === 'robust' && plan.combine.over === 'clients' ? clients : cohorts;
  const combineSeconds =
    (vectors * dimension * (plan.combine.kind === 'robust' ? vectors / 2 + 1 : 1)) / measured.robustValues;

  const { up, neighborUp, down, clientDown, neighborDown, seed } = messages;
  const bytesUp = inputBytes + up + seeds * seed + neighbors * (neighborUp + 2 * seed * seeds);
  const roster = masked ? clients * clientDown + neighbors * (neighborDown + seed * seeds) : 0;
  const bytesDown = 4 * dimension + planBytes(plan).length + down + roster;
  const { privacy } = plan;
  const event = worstEvent(plan);
  return {
    client: {
      inputBytes,
      bytesUp,
      bytesDown,
      cpuSeconds: clientSeconds,
      memoryBytes: (4 + 8) * values + 4 * dimension + laneBytes * length + inputBytes,
    },
    server: {
      bytesUp: cohorts * clients * bytesUp,
      bytesDown: cohorts * clients * bytesDown,
      cpuSeconds: cohorts * cohortSeconds + combineSeconds,
      memoryBytes:
        cohorts * (laneBytes * length * (masked ? 2 : clients) + 2 * inputBytes) + 8 * dimension * (vectors + 2),
    },
    ...(event === undefined || privacy.kind === 'none'
      ? {}
      : {
          privacy: {
            roundEpsilon: epsilonOf(event, { delta: privacy.budget.delta, rounds: 1 }),
            epsilon: plannedEpsilon(plan),
            delta: privacy.budget.delta,
            rounds: privacy.budget.rounds,
          },
        }),
  };
}

/** Components that the server draws again for each survivor. */
function seedsRemoved({ privacy }: Plan, survivors: number): number {
  return privacy.kind === 'distributed' ? privacy.releaseAt.filter((least) => survivors >= least).length : 0;
}

function checkExpectation(plan: Plan, expectation: RoundExpectation): Required<RoundExpectation> {
  const { maxClients } = plan.cohort;
  const { combine } = plan;
  const given = checkOptions('expectation', expectation);
  const clients = checkInteger('clients', given.clients ?? maxClients, 2, maxClients);
  const least = combine.kind === 'robust' && combine.over === 'cohorts' ? combine.cohorts : 1;
  const cohorts = checkInteger('cohorts', given.cohorts ?? least, least, 1024);
  const degree = checkInteger('degree', given.degree ?? clients - 1, 1, clients - 1);
  const dropout = checkNumber('dropout', given.dropout ?? 0, 0, 1);
  return { clients, cohorts, degree, dropout };
}
