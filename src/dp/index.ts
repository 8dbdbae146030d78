/**
 * Differential privacy: events, accountants, calibration, exact samplers, mechanisms, a ledger.
 *
 * Say what was released as events, compose them with an accountant, and ask it for epsilon or delta:
 *
 *     const step = poissonSampled({ samplingProbability: 0.01, event: gaussian({ noiseMultiplier: 1 }) });
 *     new PldAccountant().compose(step, 10_000).epsilon(1e-5); // { lower: 6.186, estimate: 6.187, upper: 6.190 }
 *
 * Noise itself comes from `samplers` (one draw after another, exactly) or, for whole sums, from the mechanisms:
 * `planDistributed` and `DistributedMechanism` for noise that clients add inside a masked sum, `planCentral` and
 * `CentralMechanism` for noise that a trusted server adds, `TreeAggregator` for running sums. Each mechanism gives the
 * event that it is to be accounted for as.
 */

// Accounting.
export type { Accountant, Bounds } from './accounting/accountant.js';
export {
  analyticGaussianDelta,
  analyticGaussianEpsilon,
  analyticGaussianSigma,
} from './accounting/analytic-gaussian.js';
export { bestDelta, bestEpsilon, type CountedEvent, type Releases } from './accounting/best.js';
export {
  type DistributedGaussianOptions,
  distributedDiscreteGaussian,
  distributedSkellam,
  integerL1Norm,
  publishedDiscreteGaussian,
} from './accounting/distributed.js';
export { PldAccountant, type PldOptions } from './accounting/pld/accountant.js';
export { optimalComposition, PureAccountant } from './accounting/pure.js';
export { RdpAccountant, type RdpOptions } from './accounting/rdp/accountant.js';
export { defaultOrders } from './accounting/rdp/orders.js';
export { singleTreeSensitivitySquared, treeDepth } from './accounting/tree.js';
export { ZcdpAccountant, zcdpToEpsilon } from './accounting/zcdp.js';
export { type BatchSampler, FixedSizeBatches, PoissonBatches, ShuffledBatches } from './batches.js';
export { type CalibrationOptions, calibrate, type PrivacyTarget } from './calibration.js';
export {
  checkEvent,
  composed,
  fixedSizeSampled,
  poissonSampled,
  selfComposed,
  singleTree,
  treeRestarts,
} from './events/compound.js';
export type * from './events/event.js';
export {
  discreteGaussian,
  discreteLaplace,
  epsilonDelta,
  exponential,
  gaussian,
  laplace,
  noEvent,
  randomizedResponse,
  skellam,
  zcdp,
} from './events/mechanisms.js';
export { parseEvent } from './events/parse.js';
// The ledger.
export { type BudgetOptions, type LedgerTask, privacyBudget, refuseTask, spentEpsilon } from './ledger/budget.js';
export type { LedgerState } from './ledger/chain.js';
export type { Charge, JsonValue, LedgerEntry } from './ledger/entry.js';
export {
  type Budget,
  exportLedger,
  importLedger,
  Ledger,
  type LedgerOptions,
  parseLedger,
  type Receipt,
  verifyLedger,
} from './ledger/ledger.js';
export { type LedgerStorage, type LedgerWriter, memoryStorage, type OpenedLedger } from './ledger/storage.js';
// Mechanisms.
export { type ClipUpdate, clipIndicator, nextClip, updateNoiseMultiplier } from './mechanisms/adaptive-clip.js';
export { addGridNoise, type GridNoiseOptions, gridSensitivity } from './mechanisms/central.js';
export {
  CentralMechanism,
  type CentralSettings,
  type CentralTarget,
  planCentral,
  quantizedContribution,
} from './mechanisms/central-mechanism.js';
export { clipToNorm, l2Norm } from './mechanisms/clip.js';
export {
  type ComponentOptions,
  keptVariances,
  type NoiseComponents,
  noiseComponents,
  removedComponents,
  seededNoise,
} from './mechanisms/components.js';
export { type DistributedEncoding, type IntegerSensitivity, integerSensitivity } from './mechanisms/distributed.js';
export {
  type DistributedEncodeOptions,
  DistributedMechanism,
  type DistributedSettings,
} from './mechanisms/distributed-mechanism.js';
export { type DistributedNoiseKind, type NoisySum, noisySumRdp } from './mechanisms/noisy-sum.js';
export { type DistributedTarget, type PlannedDistributed, planDistributed } from './mechanisms/plan-distributed.js';
export { type DistributedParameters, type SearchOptions, searchDistributed } from './mechanisms/search.js';
export { TreeAggregator, type TreeOptions, type TreeRecord } from './mechanisms/tree.js';
export {
  clippedSum,
  type DefaultRelation,
  movement,
  type Norm,
  type Relation,
  relations,
  type Sensitivity,
} from './neighboring.js';
export { discreteGaussianVariance, discreteLaplaceVariance } from './numeric/moments.js';
export { PrivacyFilter, PrivacyOdometer } from './odometer.js';
// Samplers: their names are also those of the events, so they have a namespace.
export * as samplers from './samplers/index.js';
