import { type Edge, type EdgeOptions, type EdgeRound, runEdge } from '../../src/edge/index.js';
import { definePlan, type Plan, type PlanInput } from '../../src/fl/index.js';
import type { Identity } from '../../src/secagg/index.js';
import { authority, dimension, newIdentity, policy, step } from '../server/fixtures.js';

/** The grid of `updateOf`'s updates, on which nothing has to be rounded. */
export const grid = { bits: 16, range: (2 ** 15 - 1) * step } as const;

/** The plan of an edge's own rounds. */
export function edgePlan(overrides: object = {}): Plan {
  const fields: object = {
    vector: { dimension },
    cohort: { maxClients: 8 },
    quantize: grid,
    weight: { kind: 'examples', max: 100 },
    metrics: [{ name: 'right', max: 10 }],
    ...overrides,
  };
  // The rules check whatever the overrides are.
  return definePlan(fields as PlanInput);
}

export interface TestEdge {
  readonly plan?: Plan;
  readonly identity?: Identity;
  readonly clients?: { readonly min: number; readonly max: number };
  readonly upstream?: Partial<EdgeOptions['upstream']>;
  readonly downstream?: Partial<Omit<EdgeOptions['downstream'], 'task'>>;
  readonly deadline?: number;
  readonly unit?: number;
}

export async function startEdge(url: string, options: TestEdge = {}): Promise<Edge> {
  const { plan = edgePlan(), clients = { min: 5, max: 5 }, upstream, downstream, identity, ...rest } = options;
  return runEdge({
    upstream: {
      url,
      authority: authority.publicKey,
      identity: identity ?? (await newIdentity()),
      policy,
      allowUnmasked: true,
      ...upstream,
    },
    downstream: {
      authority: authority.publicKey,
      threads: 1,
      gather: 200,
      ...downstream,
      task: {
        name: 'edge',
        plan,
        clients,
        minSurvivors: 2,
        assumptions: { corrupt: 0, dropout: 0.2, correctnessBits: 1 },
      },
    },
    ...rest,
  });
}

export interface Played {
  readonly rounds: readonly EdgeRound[];
  readonly error?: unknown;
}

/** All rounds of an edge. */
export async function play(edge: Edge): Promise<Played> {
  const rounds: EdgeRound[] = [];
  try {
    for await (const round of edge.rounds()) rounds.push(round);
    return { rounds };
  } catch (error) {
    return { rounds, error };
  }
}

export function keyOf({ certificate }: Identity): string {
  return Buffer.from(certificate.identityKey).toString('hex');
}
