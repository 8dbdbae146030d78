/**
 * Byzantine robustness: rules from many vectors to one that some clients can't spoil, and attacks to try them with.
 *
 *     const rule = nnm(trimmedMean({ f: 2 }));
 *     const { vector, verdicts } = rule.aggregate(vectors); // n Float32Arrays of d values
 *
 * Nothing here is random without a seed, keeps state, changes its input, or runs without end.
 */

// Aggregators.
export { type BulyanOptions, type BulyanSelection, type BulyanSpec, bulyan } from './aggregators/bulyan.js';
export { type CafOptions, type CafSpec, caf } from './aggregators/caf.js';
export {
  type CenteredClippingOptions,
  type CenteredClippingSpec,
  centeredClipping,
} from './aggregators/centered-clipping.js';
export { type CgeOptions, type CgeSpec, cge } from './aggregators/cge.js';
export { type DncOptions, type DncSpec, dnc } from './aggregators/dnc.js';
export { type FltrustSpec, fltrust } from './aggregators/fltrust.js';
export { type FoolsgoldOptions, type FoolsgoldSpec, foolsgold } from './aggregators/foolsgold.js';
export {
  type GeometricMedianOptions,
  type GeometricMedianSpec,
  geometricMedian,
} from './aggregators/geometric-median.js';
export { type KrumOptions, type KrumSpec, krum } from './aggregators/krum.js';
export { type MdaSpec, mda } from './aggregators/mda.js';
export { type MeamedOptions, type MeamedSpec, meamed } from './aggregators/meamed.js';
export { type MeanSpec, mean } from './aggregators/mean.js';
export { type MedianOptions, type MedianSpec, median } from './aggregators/median.js';
export { type MonnaOptions, type MonnaSpec, monna } from './aggregators/monna.js';
export { type MultiKrumOptions, type MultiKrumSpec, multiKrum } from './aggregators/multi-krum.js';
export { type NormFilterOptions, type NormFilterSpec, normFilteredMean } from './aggregators/norm-filtered-mean.js';
export { type RfaOptions, type RfaSpec, rfa } from './aggregators/rfa.js';
export { type SignMajorityOptions, type SignMajoritySpec, signMajority } from './aggregators/sign-majority.js';
export { type SmeaSpec, smea } from './aggregators/smea.js';
export { type TrimmedMeanOptions, type TrimmedMeanSpec, trimmedMean } from './aggregators/trimmed-mean.js';
// Attacks.
export { type AlieOptions, alie, alieZ } from './attacks/alie.js';
export type { Attack, Crafted, CraftOptions } from './attacks/attack.js';
export { gaussian } from './attacks/gaussian.js';
export { infinity } from './attacks/infinity.js';
export { ipm } from './attacks/ipm.js';
export { flipLabel, labelFlip } from './attacks/label-flip.js';
export { mimic } from './attacks/mimic.js';
export { minMax } from './attacks/min-max.js';
export { type MinSumOptions, minSum } from './attacks/min-sum.js';
export { type ModelReplacementOptions, modelReplacement } from './attacks/model-replacement.js';
export { type OptimizedOptions, optimizedAlie, optimizedIpm } from './attacks/optimized.js';
export type { Perturbation } from './attacks/perturbation.js';
export { signFlip } from './attacks/sign-flip.js';
// Conditions, and rules as data.
export { type Breakdown, breakdownOf } from './breakdown.js';
export { type CohortCondition, type CohortOptions, cohortCondition } from './cohort-condition.js';
export { Collector } from './collector.js';
export type { ColumnTask, Executor } from './executor.js';
export type { AggregateOptions, MaxWeight, Vectors } from './input.js';
export type { Closest } from './krum-scores.js';
// Pre-aggregators.
export { type ArcOptions, type ArcSpec, arc } from './pre/arc.js';
export { type BucketingOptions, type BucketingSpec, bucketing } from './pre/bucketing.js';
export { type ClippingOptions, type ClippingSpec, clipping } from './pre/clipping.js';
export { type NnmOptions, type NnmSpec, nnm } from './pre/nnm.js';
export type { Aggregated, Aggregator, AnySpec, RuleSettings, Verdict, Work } from './rule.js';
export {
  type AggregatorSpec,
  aggregatorFrom,
  aggregatorKinds,
  checkAggregatorSpec,
  type PreAggregatorSpec,
} from './spec.js';
export type { SubsetOptions } from './subsets.js';
export { type ClientName, type CohortVerdicts, type Suspicion, SuspicionScores } from './suspicion.js';
export type { Fault, FloatVector, RowMajor } from './vectors.js';
