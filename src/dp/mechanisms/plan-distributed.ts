import { checkChoice, checkInteger, checkNumber } from '../../core/check.js';
import { UsageError } from '../../core/errors.js';
import type { Bounds } from '../accounting/accountant.js';
import { bestEpsilon, composeKnown } from '../accounting/best.js';
import { nearGaussian } from '../accounting/near-gaussian.js';
import { PldAccountant } from '../accounting/pld/accountant.js';
import { RdpAccountant } from '../accounting/rdp/accountant.js';
import { calibrate } from '../calibration.js';
import { poissonSampled, selfComposed } from '../events/compound.js';
import type { DiscreteGaussianEvent } from '../events/event.js';
import { gaussian } from '../events/mechanisms.js';
import { movement, type Relation, relations } from '../neighboring.js';
import { rational, toNumber } from '../samplers/rational.js';
import { keptVariances, maxRemovable, noiseComponents } from './components.js';
import {
  DistributedMechanism,
  type DistributedSettings,
  lastBeforeRemoval,
  mostVariance,
  noisySumEvent,
} from './distributed-mechanism.js';
import { type DistributedNoiseKind, distributedNoiseKinds, groupedTau, type NoisySum } from './noisy-sum.js';
import { searchDistributed } from './search.js';

/** What `planDistributed` is to keep to. */
export interface DistributedTarget {
  readonly noise: DistributedNoiseKind;
  /** Length of an update, d. */
  readonly dimension: number;
  /** C: the clip norm, in the update's unit. */
  readonly clip: number;
  /** b of the ring, 4 to 32. */
  readonly ringBits: number;
  /** n: most clients in a sum. */
  readonly clients: number;
  /** Fewest survivors that a sum is released for. */
  readonly minSurvivors: number;
  /** Survivors who may tell the server their noise; 0 unless told. */
  readonly colluders?: number;
  /**
   * Noise components that can be taken back where more survive than the fewest, 0 to 16; 0 unless told. Each makes a
   * client draw one more vector of noise, and the server redraw it for every survivor; the excess variance falls from n
   * / fewest to about its (1 / (components + 1))th power.
   */
  readonly removable?: number;
  /** Rounds of the task. */
  readonly rounds: number;
  /**
   * Probability that a record is in a round, by its own coin; 1 unless told. See `DistributedMechanism.event` for whom
   * it helps against.
   */
  readonly samplingProbability?: number;
  /** `addOrRemoveOne` unless told. */
  readonly relation?: Relation;
  /** Of the whole task. */
  readonly epsilon: number;
  readonly delta: number;
  /** A sum may wrap with probability 2^-wrapBits; 40 unless told. */
  readonly wrapBits?: number;
}

/** What `planDistributed` finds. */
export interface PlannedDistributed {
  readonly settings: DistributedSettings;
  /** Of all rounds, however many survive in each. */
  readonly epsilon: Bounds;
  /** log2 of the probability that a sum wraps, at most. */
  readonly wrapLog2: number;
  /** Standard deviation, per coordinate, of a sum's error at its largest, in the update's unit: noise and rounding. */
  readonly deviation: number;
}

/**
 * The finest grid and the least noise with which `rounds` sums stay within epsilon and none wraps: `searchDistributed`
 * under the accountants.
 *
 * @throws UsageError `usage.range`, `usage.choice`, `dp.unsupported` (replaceOne with sampling); AbortError
 *   `dp.infeasible` if nothing will do
 */
export function planDistributed(target: DistributedTarget): PlannedDistributed {
  const { dimension, clip, ringBits } = target;
  const clients = checkInteger('clients', target.clients, 1, 2 ** 24);
  const minSurvivors = checkInteger('minSurvivors', target.minSurvivors, 1, clients);
  const colluders = checkInteger('colluders', target.colluders ?? 0, 0, minSurvivors - 1);
  const removable = checkInteger('removable', target.removable ?? 0, 0, maxRemovable);
  const noise = checkChoice('noise', target.noise, distributedNoiseKinds);
  const relation = checkChoice('relation', target.relation ?? 'addOrRemoveOne', relations);
  checkNumber('delta', target.delta, 1e-300, 1 - 2 ** -53);
  const honestSurvivors = minSurvivors - colluders;
  const cohort = { clients, minSurvivors, colluders, noise, removable };
  // All components scale with the variance, so they are made once, of variance 1.
  const unit = noiseComponents({ ...cohort, sumVariance: rational(1024) });
  const edges = lastBeforeRemoval(unit, cohort).map((survivors) => ({
    honest: survivors - colluders,
    shares: keptVariances(unit, survivors).map((variance) => toNumber(variance) / 1024),
  }));
  const most = mostVariance(unit, cohort) / 1024;
  const noiseOf = (clientVariance: number): { readonly tau: number; readonly mostVariance: number } => {
    const whole = clientVariance * honestSurvivors;
    const taus = edges.map(({ honest, shares }) =>
      groupedTau(
        honest,
        shares.map((share) => share * whole),
      ),
    );
    return { tau: noise === 'skellam' ? 0 : Math.max(...taus), mostVariance: most * whole };
  };
  const found = searchDistributed({
    noise,
    dimension,
    clip,
    ringBits,
    clients,
    honestSurvivors,
    epsilon: target.epsilon,
    neighboring: relation,
    noiseOf,
    accountant: accountantOf(target, relation),
    ...(target.wrapBits === undefined ? {} : { wrapBits: target.wrapBits }),
  });
  const { granularity, beta } = found;
  const settings: DistributedSettings = {
    noise,
    dimension,
    clip,
    granularity,
    beta,
    ringBits,
    clients,
    minSurvivors,
    colluders,
    variance: toNumber(found.sumVariance),
    releaseAt: unit.removable.map(({ releaseAt }) => releaseAt),
  };
  const mechanism = new DistributedMechanism(settings);
  const { samplingProbability = 1, delta, rounds } = target;
  const event = mechanism.worstEvent({ relation, samplingProbability });
  const epsilon = bestEpsilon({ relation, delta, events: [{ event, count: rounds }] });
  return { settings: mechanism.settings, epsilon, wrapLog2: mechanism.wrapLog2, deviation: found.deviation };
}

/** Epsilon of all rounds by whichever of the accountants is fast and comes near the best: for a search. */
function accountantOf(target: DistributedTarget, relation: Relation): (sum: NoisySum) => number {
  const { delta, samplingProbability = 1 } = target;
  const rounds = checkInteger('rounds', target.rounds, 1, 2 ** 40);
  const moves = movement(relation);
  const rdp = new RdpAccountant({ relation });
  const pld = new PldAccountant({ relation });
  const sampled = samplingProbability === 1 ? undefined : sampledGaussian(target, relation);
  return ({ l2Sensitivity, l1Sensitivity, ...sum }) => {
    const event = noisySumEvent({ ...sum, relation, l2: l2Sensitivity / moves, l1: l1Sensitivity / moves });
    if (sampled !== undefined) {
      const near = event.kind === 'discreteGaussian' ? sampled(event) : undefined;
      return near ?? rdp.compose(poissonSampled({ samplingProbability, event }), rounds).epsilonBound(delta);
    }
    const byMoments = rdp.compose(event, rounds).epsilonBound(delta);
    const byLosses = sum.noise === 'skellam' ? undefined : composeKnown(pld, [{ event, count: rounds }]);
    if (byLosses === undefined || byLosses instanceof UsageError) return byMoments;
    return Math.min(byMoments, byLosses.epsilonBound(delta));
  };
}

/**
 * For nearly Gaussian noise on samples a figure that is at most epsilon just where the privacy loss is: the noise
 * multiplier that it takes, which is found once, over the one that there is. `undefined` for noise that isn't near
 * enough for that.
 */
function sampledGaussian(
  { epsilon, delta, rounds, samplingProbability = 1 }: DistributedTarget,
  relation: Relation,
): (event: DiscreteGaussianEvent) => number | undefined {
  const margin = 1e-7;
  let needed: number | undefined;
  const calibrated = (): number =>
    calibrate({
      accountant: new PldAccountant({ relation }),
      target: { epsilon: epsilon * (1 - margin), delta: delta * (1 - margin) },
      event: (noiseMultiplier) =>
        selfComposed(poissonSampled({ samplingProbability, event: gaussian({ noiseMultiplier, relation }) }), rounds),
      least: 0.05,
      most: 1e9,
      costs: 'less',
    });
  return (event) => {
    const near = nearGaussian(event);
    if (near === undefined || 2 * rounds * near.slack > margin * Math.min(1, epsilon)) return undefined;
    needed ??= calibrated();
    return epsilon * (needed / near.event.noiseMultiplier);
  };
}
