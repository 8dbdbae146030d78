import type { ClientPolicy } from '#veilsum/secagg/policy.js';

/** Unix time of every session of the benchmark, in seconds. */
export const sessionTime = 1_800_000_000;

/** Takes any k and t that have a form: what is measured is given, not chosen. */
export const lenientPolicy: Partial<ClientPolicy> = {
  minClients: 2,
  minDegree: 1,
  minThreshold: 1,
  minSurvivors: 2,
  assumptions: { corrupt: 0, dropout: 0, threat: 'malicious', securityBits: 1, grindingBits: 0 },
};
