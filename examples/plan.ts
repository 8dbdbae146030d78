/** A plan by itself: what a client pays for it, known before anything runs, and one that is refused. */
import { definePlan, type PlanInput, planCost, serverPipeline, UsageError } from 'veilsum/fl';

const wanted = {
  vector: { dimension: 100_000 },
  cohort: { maxClients: 16 },
  clip: { kind: 'l2', norm: 1 },
  compress: { kind: 'random-k', fraction: 0.25, scaling: 'keep' },
  quantize: { bits: 8, range: 0.1 },
  errorFeedback: { kind: 'residual' },
  optimizer: { kind: 'fedadam', learningRate: 0.02 },
} as const satisfies PlanInput;
const plan = definePlan(wanted);
const { client } = planCost(plan, { clients: 16 });
console.log(`a client sends ${client.bytesUp} bytes and fetches ${client.bytesDown}`);
console.log(`the server steps with ${serverPipeline(plan).optimizer.spec.kind}`);
try {
  definePlan({ ...wanted, compress: { kind: 'none' } });
} catch (error) {
  if (error instanceof UsageError) console.log(`${error.code}: ${error.message}`);
}
