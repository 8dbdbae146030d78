/**
 * Differential privacy: events, accountants, calibration, exact samplers, mechanisms.
 *
 * Say what was released as events, compose them with an accountant, and ask it for epsilon or delta:
 *
 *     const step = poissonSampled({ samplingProbability: 0.01, event: gaussian({ noiseMultiplier: 1 }) });
 *     new PldAccountant().compose(step, 10_000).epsilon(1e-5); // { lower: 6.186, estimate: 6.187, upper: 6.190 }
 */

// Accounting.
export type { Accountant, Bounds } from './accounting/accountant.js';
export {
  analyticGaussianDelta,
  analyticGaussianEpsilon,
  analyticGaussianSigma,
} from './accounting/analytic-gaussian.js';
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
// The ledger. Exact samplers and mechanisms are in `samplers/` and `mechanisms/`; the plan will reach them by its `privacy`.
export type { Charge, LedgerEntry } from './ledger/entry.js';
export {
  exportLedger,
  importLedger,
  Ledger,
  type LedgerOptions,
  parseLedger,
  verifyLedger,
} from './ledger/ledger.js';
export { type LedgerStorage, memoryStorage } from './ledger/storage.js';
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
