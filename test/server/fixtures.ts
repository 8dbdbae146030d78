import { type ClientRound, type JoinOptions, join, type RoundOutcome } from '../../src/client/index.js';
import { definePlan, type Plan, type PlanInput } from '../../src/fl/index.js';
import { type ClientPolicy, createIdentity, createKeyPair, type Identity, type Phase } from '../../src/secagg/index.js';
import type { RoundResult, ServeOptions, Server, TaskOptions } from '../../src/server/index.js';
import { serve } from '../../src/server/index.js';

export const authority = await createKeyPair();

export function newIdentity(): Promise<Identity> {
  return createIdentity({ authority, validUntil: Math.floor(Date.now() / 1000) + 3600 });
}

export const dimension = 50;

/**
 * A power of two: multiples are exact in float32 and on the 16-bit grid, so that stochastic rounding has nothing to
 * round.
 */
export const step: number = 2 ** -15;
const range16 = (2 ** 15 - 1) * step;

export function planOf(overrides: object = {}): Plan {
  const fields: object = {
    vector: { dimension },
    cohort: { maxClients: 32 },
    quantize: { bits: 16, range: range16 },
    weight: { kind: 'examples', max: 100 },
    ...overrides,
  };
  // The rules check whatever the overrides are.
  return definePlan(fields as PlanInput);
}

/** Cohorts as small as the tests' need other floors than the defaults. */
export const policy: Partial<ClientPolicy> = {
  minClients: 3,
  minThreshold: 2,
  minDegree: 2,
  minSurvivors: 2,
  assumptions: { corrupt: 0, dropout: 0, threat: 'malicious', securityBits: 40, grindingBits: 40 },
};

export interface TestServerOptions extends Omit<Partial<ServeOptions>, 'task'> {
  readonly task?: Partial<TaskOptions>;
}

export function startServer({ task, ...options }: TestServerOptions = {}): Promise<Server> {
  return serve({
    authority: authority.publicKey,
    threads: 1,
    gather: 200,
    ...options,
    task: {
      name: 'test',
      plan: planOf(),
      model: new Float32Array(dimension),
      rounds: 1,
      clients: { min: 4, max: 32 },
      minSurvivors: 2,
      assumptions: { corrupt: 0, dropout: 0.2, correctnessBits: 1 },
      ...task,
    },
  });
}

/** The update of client number `i`: multiples of a quantization step. */
export function updateOf(i: number, length: number = dimension): Float32Array {
  return Float32Array.from({ length }, (_, j) => (((i + 1) * 37 + j * 11) % 2001) - 1000).map((value) => value * step);
}

/** What the model is after one round from zero, if `clients` are summed with these weights. */
export function meanOf(clients: readonly { readonly i: number; readonly weight: number }[]): number[] {
  const total = clients.reduce((sum, { weight }) => sum + weight, 0);
  return Array.from({ length: dimension }, (_, j) => {
    const sum = clients.reduce((all, { i, weight }) => all + Math.round((updateOf(i)[j] ?? 0) / step) * weight, 0);
    return (sum * step) / total;
  });
}

/** Largest difference of a model from `meanOf`; exact sums leave that of float32. */
export function distance(model: Float32Array, expected: readonly number[]): number {
  return Math.max(...expected.map((value, j) => Math.abs(value - (model[j] ?? Number.NaN))));
}

export const float32Tolerance = 1e-7;

export interface TestClient extends Partial<JoinOptions> {
  /** Which update it has. */
  readonly i: number;
  readonly weight?: number;
  readonly metrics?: Readonly<Record<string, number>>;
  /** Instead of `updateOf(i)`. */
  readonly update?: Float32Array;
  /** Vanishes before this phase's message. */
  readonly vanishAt?: Phase;
  readonly train?: (round: ClientRound) => Promise<void>;
}

export interface Taken {
  readonly outcomes: readonly RoundOutcome[];
  /** How the iteration ended, if by throwing. */
  readonly error?: unknown;
}

/** Takes part until the server has no more rounds. */
export async function takePart(url: string, client: TestClient): Promise<Taken> {
  const { i, weight = i + 1, update = updateOf(i), metrics = {}, vanishAt, train, ...options } = client;
  const controller = new AbortController();
  const outcomes: RoundOutcome[] = [];
  try {
    const rounds = join(url, {
      authority: authority.publicKey,
      identity: await newIdentity(),
      policy,
      signal: controller.signal,
      onPhase: (phase) => {
        if (phase === vanishAt) controller.abort();
      },
      ...options,
    });
    for await (const round of rounds) {
      await train?.(round);
      outcomes.push(await round.submit(update, { weight, metrics }));
    }
    return { outcomes };
  } catch (error) {
    return { outcomes, error };
  }
}

/** All rounds of a server, which is closed after the last. */
export async function allRounds(server: Server): Promise<RoundResult[]> {
  const results: RoundResult[] = [];
  try {
    for await (const result of server.rounds()) results.push(result);
  } finally {
    await server.close();
  }
  return results;
}

export function weighted(...clients: readonly number[]): { readonly i: number; readonly weight: number }[] {
  return clients.map((i) => ({ i, weight: i + 1 }));
}

export function range(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}

/** What waits until it has been called `count` times. */
export function barrier(count: number): () => Promise<void> {
  let coming = count;
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return () => {
    coming -= 1;
    if (coming === 0) open();
    return opened;
  };
}
