/** The server's side: an enrolment authority, the plan, and a task whose server learns sums only. */
import { centralPrivacy, definePlan, distributedPrivacy, type Plan } from 'veilsum/fl';
import { type Certificate, createKeyPair, enrol } from 'veilsum/secagg';
import { type Server, serve } from 'veilsum/server';
import { ruleOf } from './attack.js';
import { gridOf, optimizerOf } from './optimizers.js';
import { bufferSize, delta, isRobust, maxStaleness, type Settings, scenarioOf } from './settings.js';

/** A tenth of the clients may have left before the sum, and a tenth may tell the server their noise. */
const share = 0.1;

/** What happens to an update before it is masked, and to the sum. */
function planFor(settings: Settings): Plan {
  if (isRobust(settings)) return robustPlan(settings);
  const { clients, clip, dimension } = scenarioOf(settings);
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
  const { clients, clip, dealing, dimension } = scenarioOf(settings);
  const optimizer = optimizerOf(settings);
  const fields = {
    vector: { dimension },
    cohort: { maxClients: clients },
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

interface Federation {
  readonly server: Server;
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
  const { clients, cohorts } = scenarioOf(settings);
  const most = settings.async ? bufferSize : Math.ceil(clients / cohorts);
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
  return { server, plan, authority: authority.publicKey, certificates };
}
