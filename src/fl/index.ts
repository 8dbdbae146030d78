/** `veilsum/fl`: the plan, and both sides that follow from it; partitions of a data set over clients. */
export { AbortError, InternalError, PeerError, UsageError, VeilsumError } from '../core/errors.js';
export { type AsyncInput, type AsyncSpec, asyncContribution, asyncMean, defineAsync } from './async.js';
export * from './compression/index.js';
export { checkEdgePlans, type EdgeTerms, type RootPlanOptions, rootPlan } from './edge-plans.js';
export {
  type EdgeContribution,
  type EdgeLimits,
  type EdgeResult,
  edgeContribution,
  edgeLimits,
  forwardSum,
} from './hierarchy.js';
export * from './optimizers/index.js';
export {
  type DealOptions,
  dirichletPartition,
  iidPartition,
  type MinimumOptions,
  type Partition,
  quantityPartition,
  shardPartition,
} from './partition/partition.js';
export { type PictureOptions, partitionPicture } from './partition/picture.js';
export { dirichlet, permutation, type Random, seededNumbers } from './partition/random.js';
export {
  type CentralNoiseTarget,
  centralPrivacy,
  type DistributedNoiseTarget,
  distributedPrivacy,
} from './plan/builders.js';
export { maxPlanBytes } from './plan/canonical.js';
export { type PlanCost, planCost, type RoundExpectation } from './plan/cost.js';
export type * from './plan/fields.js';
export type { PlanInput, PlanOptimizer } from './plan/input.js';
export {
  type ClientPipeline,
  type CombinedCohorts,
  type ContributionOptions,
  clientPipeline,
  contributionCheck,
  type ServerPipeline,
  serverPipeline,
} from './plan/pipeline.js';
export { definePlan, parsePlan, planBytes } from './plan/plan.js';
export { rules } from './plan/rules/index.js';
export type { Rule } from './plan/rules/rule.js';
export { type RingShape, ringShape } from './plan/shape.js';
export type { CombineOptions } from './plan/stages/combine.js';
export { ErrorFeedback } from './plan/stages/error-feedback.js';
export { type Broadcast, broadcastLength, type LocalExtra, readBroadcast } from './plan/stages/optimizer.js';
export { epsilonOf, plannedEpsilon, privacyEvent, type RoundEvent, worstEvent } from './plan/stages/privacy.js';
export { publicSeed } from './plan/stages/seed.js';
export type { Aggregate, DecodeOptions, EncodeOptions, RoundingSource } from './plan/stages/stage.js';
export type { ClientVersions, SumVersions } from './plan/stages/staleness.js';
