import { checkInteger, checkNumber, checkOptions } from '../../core/check.js';
import { laneBitsFor } from '../../kernels/lanes.js';
import { packedLength } from '../../ring/pack.js';
import type { Plan } from './fields.js';
import { plainInputCoding } from './plain-input.js';
import { planBytes } from './plan.js';
import { leastCohorts, releaseAt, ringShape, valuesLength } from './shape.js';
import { broadcastLength, extraDimension } from './stages/optimizer.js';
import { epsilonOf, plannedEpsilon, worstEvent } from './stages/privacy.js';

/** What a round will be like. */
export interface RoundExpectation {
  /** Clients in a cohort; the plan's buffer or most unless told. */
  readonly clients?: number;
  /** Cohorts of the round, 1 (or what a robust rule needs) unless told. */
  readonly cohorts?: number;
  /** Neighbors of a client in the graph (k); all others unless told. */
  readonly degree?: number;
  /**
   * Part of a cohort's clients that drop out before the sum, each leaving its pairwise masks to be removed; 0 unless
   * told.
   */
  readonly dropout?: number;
}

/**
 * What a round costs, as reckoned before anything runs. CPU seconds are those of one core of the machine that was
 * measured.
 */
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
 * Measured constants: CPU time on one core of a two-core virtual machine (Node 20, native agreement and signatures,
 * SIMD kernels), medians of five. In parentheses stands what was measured, from which the constants are rounded. They
 * are for orders of magnitude: another machine has others, in much the same proportion.
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
  /**
   * Values a second and vector that a robust rule goes through, pairs of vectors included: nnm with trimmed-mean (5.2e7
   * to 5.6e7).
   */
  robustValues: 5.3e7,
  /** Seconds of one Ed25519 signature or verification, or of what goes with one message (4.1e-4). */
  signature: 4e-4,
  /**
   * Seconds to agree, seal, share, open and judge for one neighbor, client and server together (1.8e-4 in a session of
   * 60): the client's part.
   */
  neighborOfClient: 1.3e-4,
  neighborOfServer: 5e-5,
} as const;

/**
 * Bytes of messages by what they grow with, fitted to simulated sessions (of 10 to 160 clients) to within a few per
 * cent.
 */
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

/** What all of the reckoning goes by: a plan's sizes, and who is expected. */
interface Round extends Required<RoundExpectation> {
  readonly plan: Plan;
  /** Of the masked vector. */
  readonly length: number;
  readonly laneBytes: number;
  readonly inputBytes: number;
  /** Quantized values in it. */
  readonly values: number;
  /** Neighbors that a client masks and shares with. */
  readonly neighbors: number;
  /** Application seeds, each for a component of noise that may be taken back. */
  readonly seeds: number;
}

/**
 * Bytes, CPU time, memory and privacy of one round under a plan. Bytes follow from the formats, to within a few per
 * cent; seconds and memory from measured constants, to within a factor of about two. Throws `UsageError`
 * (`usage.range`, `usage.options`).
 */
export function planCost(plan: Plan, expectation: RoundExpectation = {}): PlanCost {
  const round = roundOf(plan, checkExpectation(plan, expectation));
  const privacy = privacyCost(plan);
  const bytes = clientBytes(round);
  return {
    client: { ...bytes, ...clientWork(round) },
    server: {
      bytesUp: round.cohorts * round.clients * bytes.bytesUp,
      bytesDown: round.cohorts * round.clients * bytes.bytesDown,
      ...serverWork(round),
    },
    ...(privacy === undefined ? {} : { privacy }),
  };
}

function roundOf(plan: Plan, expected: Required<RoundExpectation>): Round {
  const { bits, length } = ringShape(plan);
  return {
    ...expected,
    plan,
    length,
    laneBytes: laneBitsFor(bits) / 8,
    inputBytes: isMasked(plan) ? packedLength(bits, length) : plainInputCoding(plan).length,
    values: valuesLength(plan),
    neighbors: isMasked(plan) ? expected.degree : 0,
    seeds: releaseAt(plan).length,
  };
}

/** Of a client: what it sends, and what it is sent, the model included. */
function clientBytes({
  plan,
  inputBytes,
  clients,
  neighbors,
  seeds,
}: Round): Pick<PlanCost['client'], 'inputBytes' | 'bytesUp' | 'bytesDown'> {
  const { up, neighborUp, down, clientDown, neighborDown, seed } = messages;
  const roster = isMasked(plan) ? clients * clientDown + neighbors * (neighborDown + seed * seeds) : 0;
  // In buffers a client is offered the model first and the session later, with the hashes of the versions that it may
  // have trained.
  const { schedule } = plan;
  const [offers, history] = schedule.kind === 'buffered' ? [2, 32 * (schedule.maxStaleness + 1)] : [1, 0];
  return {
    inputBytes,
    bytesUp: inputBytes + up + seeds * seed + neighbors * (neighborUp + 2 * seed * seeds),
    bytesDown: 4 * broadcastLength(plan) + offers * planBytes(plan).length + history + down + roster,
  };
}

/** Of a client: encoding, noise, masks, agreement with its neighbors. */
function clientWork(round: Round): Pick<PlanCost['client'], 'cpuSeconds' | 'memoryBytes'> {
  const { plan, length, laneBytes, inputBytes, values, neighbors, seeds } = round;
  const draws = plan.privacy.kind === 'distributed' ? (1 + seeds) * values : 0;
  const streams = isMasked(plan) ? neighbors + 1 : 0;
  return {
    cpuSeconds:
      length / measured.encodedValues +
      rotationSeconds(round) +
      draws / measured.noiseDraws +
      maskSeconds(round, streams) +
      3 * measured.signature +
      neighbors * measured.neighborOfClient,
    memoryBytes: (4 + 8) * values + 4 * broadcastLength(plan) + laneBytes * length + inputBytes,
  };
}

/** Of the server: a cohort's session for each, and the plan's server side over all. */
function serverWork(round: Round): Pick<PlanCost['server'], 'cpuSeconds' | 'memoryBytes'> {
  const { plan, cohorts, clients, length, laneBytes, inputBytes } = round;
  const contribution = plan.vector.dimension + extraDimension(plan);
  const robust = plan.combine.kind === 'robust';
  const vectors = robust && plan.combine.over === 'clients' ? clients : cohorts;
  const pairs = robust ? vectors / 2 + 1 : 1;
  const held = laneBytes * length * (isMasked(plan) ? 2 : clients) + 2 * inputBytes;
  return {
    cpuSeconds: cohorts * cohortSeconds(round) + (vectors * contribution * pairs) / measured.robustValues,
    memoryBytes: cohorts * held + 8 * contribution * (vectors + 2),
  };
}

/** Adding inputs, removing masks, noise, decoding, and the phases' messages. */
function cohortSeconds(round: Round): number {
  const { plan, clients, degree, dropout, length, values, neighbors } = round;
  const gone = Math.round(clients * dropout);
  const survivors = clients - gone;
  const streams = isMasked(plan) ? survivors + gone * degree : 0;
  const removed = survivors * releaseAt(plan).filter((least) => survivors >= least).length * values;
  const central = plan.privacy.kind === 'central' ? values : 0;
  return (
    (survivors * length) / measured.addedValues +
    length / measured.decodedValues +
    maskSeconds(round, streams) +
    (removed + central) / measured.noiseDraws +
    rotationSeconds(round) +
    clients * measured.signature +
    clients * neighbors * measured.neighborOfServer
  );
}

/** Of so many key streams over the vector. */
function maskSeconds({ length, laneBytes }: Round, streams: number): number {
  return (streams * length * laneBytes) / measured.maskBytes;
}

function rotationSeconds({ plan, values }: Round): number {
  return plan.rotate.kind === 'hadamard' ? (values * Math.log2(values)) / measured.rotatedValues : 0;
}

function privacyCost(plan: Plan): PlanCost['privacy'] {
  const { privacy } = plan;
  const event = worstEvent(plan);
  if (event === undefined || privacy.kind === 'none') return undefined;
  const { delta, rounds } = privacy.budget;
  return { roundEpsilon: epsilonOf(event, { delta, rounds: 1 }), epsilon: plannedEpsilon(plan), delta, rounds };
}

function isMasked({ masking }: Plan): boolean {
  return masking.kind === 'pairwise';
}

function checkExpectation(plan: Plan, expectation: RoundExpectation): Required<RoundExpectation> {
  const { maxClients } = plan.cohort;
  const given = checkOptions('expectation', expectation);
  const usual = plan.schedule.kind === 'buffered' ? plan.schedule.bufferSize : maxClients;
  const clients = checkInteger('clients', given.clients ?? usual, 2, maxClients);
  const least = leastCohorts(plan);
  const cohorts = checkInteger('cohorts', given.cohorts ?? least, least, 1024);
  const degree = checkInteger('degree', given.degree ?? clients - 1, 1, clients - 1);
  const dropout = checkNumber('dropout', given.dropout ?? 0, 0, 1);
  return { clients, cohorts, degree, dropout };
}
