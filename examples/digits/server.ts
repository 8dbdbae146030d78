/** The server's side: an enrolment authority, the plan, and a task whose server learns sums only. */
import { type Edge, runEdge } from 'veilsum/edge';
import { centralPrivacy, definePlan, distributedPrivacy, type Plan, rootPlan } from 'veilsum/fl';
import { type Certificate, createIdentity, createKeyPair, enrol } from 'veilsum/secagg';
import { type Server, serve } from 'veilsum/server';
import { ruleOf } from './attack.js';
import { gridOf, optimizerOf } from './optimizers.js';
import { bufferSize, delta, isRobust, maxStaleness, type Scenario, type Settings, scenarioOf } from './settings.js';

/** A tenth of the clients may have left before the sum, and a tenth may tell the server their noise. */
const share = 0.1;

/** What happens to an update before it is masked, and to the sum. */
function planFor(settings: Settings): Plan {
  if (isRobust(settings)) return robustPlan(settings);
  const scenario = scenarioOf(settings);
  const { clip, dimension } = scenario;
  const clients = together(scenario);
  const [vector, cohort] = [{ dimension }, { maxClients: clients }];
  const budget = { epsilon: settings.epsilon, delta, rounds: settings.rounds };
  switch (settings.privacy) {
    case 'none':
      return learningPlan(settings);
    case 'central':
      // Clipped and rounded; the server adds the noise.
      return definePlan({
        vector,
        cohort,
        ...centralPrivacy({ vector, cohort, clip, budget, quantize: { bits: 16 } }),
      });
    case 'distributed': {
      // Clipped, rotated and rounded; each client adds its part of the noise.
      const minSurvivors = Math.ceil(clients * (1 - share));
      const colluders = Math.floor(clients * share);
      const noise = distributedPrivacy({ vector, cohort, clip, budget, minSurvivors, colluders });
      return definePlan({ vector, cohort, ...noise });
    }
  }
}

/** Weighted by its images, clipped to the norm C, rounded to 16 bits; the optimizer may ask for more beside it. */
function learningPlan(settings: Settings): Plan {
  const scenario = scenarioOf(settings);
  const { clip, dealing, dimension } = scenario;
  const optimizer = optimizerOf(settings);
  const fields = {
    vector: { dimension },
    cohort: { maxClients: together(scenario) },
    clip: { kind: 'l2', norm: clip },
    quantize: gridOf(settings),
  } as const;
  // SCAFFOLD has every client count the same.
  if (optimizer.kind === 'scaffold') return definePlan({ ...fields, optimizer });
  const weight = { kind: 'examples', max: dealing.size.max } as const;
  if (!settings.async) return definePlan({ ...fields, optimizer, weight });
  const [cohort, schedule] = [{ maxClients: bufferSize }, { kind: 'buffered', bufferSize, maxStaleness } as const];
  return definePlan({ ...fields, cohort, schedule, weight });
}

/** The most clients that are summed by one server. */
function together({ clients, cohorts, edges }: Scenario): number {
  return Math.ceil(clients / Math.max(cohorts, edges));
}

/** What a rule judges: the means of masked cohorts, or each update in the clear. */
function robustPlan(settings: Settings): Plan {
  const { clients, cohorts, dimension } = scenarioOf(settings);
  const aggregator = ruleOf(settings.aggregator, settings.byzantine);
  const base = { vector: { dimension }, quantize: gridOf(settings) };
  if (settings.masking === 'none')
    return definePlan({
      ...base,
      cohort: { maxClients: clients },
      masking: { kind: 'none' },
      combine:
        aggregator === undefined
          ? { kind: 'mean' }
          : { kind: 'robust', over: 'clients', clients: clients - 2, aggregator },
    });
  return definePlan({
    ...base,
    cohort: { maxClients: Math.ceil(clients / cohorts) },
    combine: aggregator === undefined ? { kind: 'mean' } : { kind: 'robust', over: 'cohorts', cohorts, aggregator },
  });
}

export interface Federation {
  /** The root, where there are edges. */
  readonly server: Server;
  readonly edges: readonly Edge[];
  /** The clients' plan. */
  readonly plan: Plan;
  /** The enrolment authority's public key, which clients pin. */
  readonly authority: Uint8Array;
  /** One for each of the clients' keys. */
  readonly certificates: readonly Certificate[];
}

export async function startFederation(
  settings: Settings,
  model: Float32Array,
  publicKeys: readonly Uint8Array[],
): Promise<Federation> {
  // In earnest the authority is somebody else than the server: it vouches that the clients are different devices.
  const authority = await createKeyPair();
  const validUntil = Math.floor(Date.now() / 1000) + 3600;
  const certificates = await Promise.all(publicKeys.map((publicKey) => enrol({ authority, publicKey, validUntil })));
  const plan = planFor(settings);
  const scenario = scenarioOf(settings);
  const { clients, cohorts } = scenario;
  const most = settings.async ? bufferSize : together(scenario);
  if (scenario.edges > 0) {
    const levels = await startLevels(scenario, {
      model,
      plan,
      rounds: settings.rounds,
      authority: authority.publicKey,
    });
    return { ...levels, plan, authority: authority.publicKey, certificates };
  }
  const server = await serve({
    authority: authority.publicKey,
    task: {
      name: 'digits',
      model,
      plan,
      rounds: settings.rounds,
      // Of those that begin a session: one may leave right before. More than there are are never summed.
      clients: { min: Math.max(2, settings.masking === 'none' ? most - 2 : most - 1), max: most },
      cohorts,
      assumptions:
        settings.privacy === 'none' && cohorts === 1 && !settings.async
          ? { corrupt: 0.25, dropout: 0.25 }
          : { corrupt: share, dropout: share },
    },
    threads: 1,
    // Many clients on a busy machine may be late, and fewer would make smaller cohorts.
    ...(clients > 10 ? { gather: 15_000 } : {}),
  });
  return { server, edges: [], plan, authority: authority.publicKey, certificates };
}

/**
 * A root, whose clients are edges, and edges with clients of their own. They are enrolled by two authorities: nobody
 * takes one for the other.
 */
async function startLevels(
  scenario: Scenario,
  task: { readonly model: Float32Array; readonly plan: Plan; readonly rounds: number; readonly authority: Uint8Array },
): Promise<Pick<Federation, 'server' | 'edges'>> {
  const most = together(scenario);
  const edgeAuthority = await createKeyPair();
  const validUntil = Math.floor(Date.now() / 1000) + 3600;
  const server = await serve({
    authority: edgeAuthority.publicKey,
    task: {
      name: 'digits',
      model: task.model,
      // The edges mask their means among each other: the root sees a sum of sums.
      plan: rootPlan(task.plan, { edges: scenario.edges, clients: most }),
      rounds: task.rounds,
      clients: { min: scenario.edges, max: scenario.edges },
    },
    // The edges' rounds are in it, with the training of their clients.
    deadlines: { advertise: 600_000 },
    threads: 1,
  });
  const edges = Array.from({ length: scenario.edges }, async () =>
    runEdge({
      upstream: {
        url: server.url,
        authority: edgeAuthority.publicKey,
        identity: await createIdentity({ authority: edgeAuthority, validUntil }),
        // Each edge's sum hides among two others.
        policy: { minClients: 3, minDegree: 2, minThreshold: 2, minSurvivors: 3 },
      },
      downstream: {
        authority: task.authority,
        task: {
          name: 'digits',
          plan: task.plan,
          clients: { min: Math.floor(scenario.clients / scenario.edges) - 1, max: most },
          assumptions: { corrupt: 0.25, dropout: 0.25 },
        },
        gather: 15_000,
        threads: 1,
      },
      deadline: 600_000,
    }),
  );
  return { server, edges: await Promise.all(edges) };
}
