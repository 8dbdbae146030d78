/** Whole rounds over WebSockets in one process: ten devices count, and the server learns totals only. */
import { definePlan } from 'veilsum';
import { join } from 'veilsum/client';
import { createIdentity, createKeyPair } from 'veilsum/secagg';
import { serve } from 'veilsum/server';

// What clients do to an update before masking, and the server to the sum. Metrics are exact sums of integers.
const plan = definePlan({
  vector: { dimension: 3 },
  cohort: { maxClients: 10 },
  quantize: { bits: 16, range: 1 },
  metrics: [{ name: 'steps', max: 100_000 }],
});
const authority = await createKeyPair();
const validUntil = Math.floor(Date.now() / 1000) + 3600;

const server = await serve({
  authority: authority.publicKey,
  task: { name: 'steps', model: new Float32Array(3), plan, rounds: 2, clients: { min: 8, max: 10 } },
});

const devices = Array.from({ length: 10 }, async (_, device) => {
  const identity = await createIdentity({ authority, validUntil });
  for await (const round of join(server.url, { identity, authority: authority.publicKey }))
    await round.submit(new Float32Array([0.1, 0.2, 0.3]), { metrics: { steps: 1000 + device } });
});

for await (const { round, metrics, model, cohorts } of server.rounds())
  console.log(
    `round ${round}: ${metrics.steps} steps of ${cohorts[0]?.survivors} devices, model ${model[0]?.toFixed(2)}`,
  );
await Promise.all(devices);
await server.close();
