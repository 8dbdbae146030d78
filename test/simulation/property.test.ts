import fc from 'fast-check';
import { expect, test } from 'vitest';
import { nodeProvider } from '../../src/crypto/provider/provider.node.js';
import type { Threat } from '../../src/secagg/parameters.js';
import { type Phase, phases } from '../../src/secagg/phase.js';
import { dropoutCounts, planDropouts } from '../../src/simulation/dropouts.js';
import { memoizingProvider, numbersFrom, seededRandom, simulate } from '../../src/simulation/index.js';
import { GraphWatcher, predict } from './model.js';

interface Trial {
  readonly clients: number;
  readonly threat: Threat;
  readonly degree: number;
  readonly threshold: number;
  readonly suite: 1 | 2;
  readonly ringBits: number;
  readonly dimension: number;
  readonly uploads: number;
  readonly dropout: { readonly [phase in Phase]: number };
  readonly seed: number;
}

/** Uniform in [0, 1): fast-check's own doubles are mostly tiny. */
const fraction = fc.integer({ min: 0, max: 999 }).map((thousandths) => thousandths / 1000);

/** From 2 to 200 clients, small ones more often. */
const clientCounts = fraction.map((share) => 2 + Math.floor(199 * share ** 4));

/** A degree that a graph of so many clients can have, often complete, and a threshold that clients accept. */
function graphs(clients: number): fc.Arbitrary<Pick<Trial, 'threat' | 'degree' | 'threshold'>> {
  const complete = fc.constant(clients - 1);
  const most = Math.min(clients - 2, 30) & ~1;
  const sparse = fc.integer({ min: 1, max: Math.max(1, most / 2) }).map((half) => 2 * half);
  const degree = most < 2 ? complete : clients > 50 ? sparse : fc.oneof(complete, sparse);
  return fc.record({ degree, malicious: fc.boolean(), place: fraction }).map(({ degree: k, malicious, place }) => {
    // Two clients can't guard each other from a malicious server.
    const threat = malicious && clients > 2 ? 'malicious' : 'semi-honest';
    const shares = k === clients - 1 ? clients : k;
    const least = threat === 'malicious' ? Math.floor(shares / 2) + 1 : Math.min(2, k);
    return { threat, degree: k, threshold: least + Math.floor(place * (k - least + 1)) } as const;
  });
}

/** Nobody, or a few: in all phases together some sessions must come to a sum. */
const rates = fc.oneof(
  fc.constant(0),
  fraction.map((share) => share * 0.2),
);

const trials: fc.Arbitrary<Trial> = clientCounts.chain((clients) =>
  fc
    .record({
      graph: graphs(clients),
      suite: fc.constantFrom(1 as const, 2 as const),
      ringBits: fc.integer({ min: 1, max: 32 }),
      dimension: fc.integer({ min: 1, max: 200 }),
      uploads: fc.integer({ min: 1, max: 40 }),
      dropout: fc.record({ advertise: rates, share: rates, input: rates, confirm: rates, unmask: rates }),
      // Few, so that enrolment, the dearest part of a small session, is remembered.
      seed: fc.integer({ min: 0, max: 3 }),
    })
    .map(({ graph, ...rest }) => ({ clients, ...graph, ...rest })),
);

const provider = memoizingProvider(nodeProvider, { entries: 20_000 });

const outcomes = new Map<string, number>();

async function check(trial: Trial): Promise<void> {
  const { clients, uploads, ringBits, dimension, seed, dropout } = trial;
  const watcher = new GraphWatcher();
  const length = Math.ceil((ringBits * dimension) / 8);
  const report = await simulate({ ...trial, uploadBudget: uploads * length, provider, observe: watcher.observe });
  const { outcome } = report;
  outcomes.set(
    outcome.kind === 'done' ? 'done' : outcome.code,
    (outcomes.get(outcome.kind === 'done' ? 'done' : outcome.code) ?? 0) + 1,
  );
  expect(report.stagedBytes).toBeLessThanOrEqual(uploads * length);

  const plan = planDropouts(clients, dropoutCounts(clients, dropout), {
    numbers: numbersFrom(seededRandom(seed, 'dropouts')),
    chunks: 1,
  });
  const vanishes = new Map(plan.flatMap((drop, client) => (drop === undefined ? [] : [[client, drop.phase] as const])));
  const roster = plan.filter((drop) => drop?.phase !== 'advertise').length;
  if (roster < 2) return expect(outcome).toMatchObject({ kind: 'aborted', code: 'advertise.few' });
  if (Math.min(trial.degree, roster - 1) < trial.threshold)
    return expect(outcome).toMatchObject({ kind: 'aborted', code: 'advertise.parameters' });

  const prediction = predict({ graph: watcher.graph, threshold: trial.threshold, vanishes });
  if (prediction.kind === 'done') {
    expect(outcome).toEqual({ kind: 'done' });
    expect(report.exact).toBe(true);
    expect(report.survivors).toEqual(prediction.survivors);
  } else {
    expect(outcome).toMatchObject(prediction);
    expect(report.exact).toBeUndefined();
    if (prediction.phase !== 'unmask') expect(report.revealed).toBe(0);
  }
  // Nobody who stays is ever refused, or refuses.
  expect([...report.refusals]).toEqual([]);
}

test('n from 2 to 200, random graphs, thresholds and dropouts: what the model predicts', {
  timeout: 400_000,
}, async () => {
  await fc.assert(fc.asyncProperty(trials, check), {
    seed: 20_261_124,
    numRuns: 80,
  });
  // The trials must not all end alike.
  expect(outcomes.get('done')).toBeGreaterThan(30);
  for (const phase of phases.filter((name) => name !== 'advertise'))
    expect(outcomes.get(`${phase}.few`) ?? 0, `${phase}: ${JSON.stringify([...outcomes])}`).toBeGreaterThan(0);
});
