/** How each kind of golden record is computed with the library: an upper bound, wherever there are bounds. */
import {
  analyticGaussianDelta,
  analyticGaussianEpsilon,
  analyticGaussianSigma,
} from '../../src/dp/accounting/analytic-gaussian.js';
import { distributedSkellam, publishedDiscreteGaussian } from '../../src/dp/accounting/distributed.js';
import { PldAccountant } from '../../src/dp/accounting/pld/accountant.js';
import { optimalComposition } from '../../src/dp/accounting/pure.js';
import { RdpAccountant } from '../../src/dp/accounting/rdp/accountant.js';
import { defaultOrders } from '../../src/dp/accounting/rdp/orders.js';
import { singleTreeSensitivitySquared } from '../../src/dp/accounting/tree.js';
import { zcdpToEpsilon } from '../../src/dp/accounting/zcdp.js';
import { calibrate } from '../../src/dp/calibration.js';
import { fixedSizeSampled, poissonSampled, selfComposed, treeRestarts } from '../../src/dp/events/compound.js';
import type { PrivacyEvent } from '../../src/dp/events/event.js';
import {
  discreteGaussian,
  exponential,
  gaussian,
  laplace,
  randomizedResponse,
  skellam,
} from '../../src/dp/events/mechanisms.js';
import { publishedScale } from '../../src/dp/mechanisms/published-scale.js';
import { roundedNormBound } from '../../src/dp/mechanisms/rounding.js';
import { discreteGaussianVariance, discreteLaplaceVariance } from '../../src/dp/numeric/moments.js';

type Inputs = Readonly<Record<string, unknown>>;
type Default = 'addOrRemoveOne';

function number(inputs: Inputs, name: string): number {
  const value = inputs[name];
  if (typeof value !== 'number') throw new Error(`the record's ${name} is not a number`);
  return value;
}

function orders(inputs: Inputs): readonly number[] {
  if (inputs.orders === 'default156') return defaultOrders;
  if (inputs.orders === '2..128,256') return [...Array.from({ length: 127 }, (_, i) => i + 2), 256];
  throw new Error('the record names unknown orders');
}

/** The records' names for the relations. */
function expectRelation(inputs: Inputs, wanted: 'add_or_remove_one' | 'replace_one'): void {
  if (inputs.neighbours !== undefined && inputs.neighbours !== wanted) throw new Error(`the relation is not ${wanted}`);
}

function sampledGaussian(inputs: Inputs): PrivacyEvent<Default> {
  expectRelation(inputs, 'add_or_remove_one');
  const event = gaussian({ noiseMultiplier: number(inputs, 'noiseMultiplier') });
  return poissonSampled({ samplingProbability: number(inputs, 'samplingProbability'), event });
}

/**
 * Their noise multiplier is over the sensitivity to a replaced record, ours over the clip norm, which is half of that.
 */
function fixedSize(inputs: Inputs): PrivacyEvent<'replaceOne'> {
  expectRelation(inputs, 'replace_one');
  return fixedSizeSampled({
    sampleSize: number(inputs, 'sampleSize'),
    datasetSize: number(inputs, 'datasetSize'),
    event: gaussian({ relation: 'replaceOne', noiseMultiplier: 2 * number(inputs, 'noiseMultiplier') }),
  });
}

function listed(inputs: Inputs): readonly { readonly event: PrivacyEvent<Default>; readonly count: number }[] {
  expectRelation(inputs, 'add_or_remove_one');
  if (!Array.isArray(inputs.events)) throw new Error("the record's events are not a list");
  return inputs.events.map((entry: Inputs) => {
    const count = number(entry, 'count');
    const noiseMultiplier = number(entry, 'noiseMultiplier');
    if (entry.mechanism === 'gaussian') return { event: gaussian({ noiseMultiplier }), count };
    if (entry.mechanism === 'laplace') return { event: laplace({ noiseMultiplier }), count };
    if (entry.mechanism === 'poisson_gaussian') return { event: sampledGaussian({ ...entry }), count };
    throw new Error('the record has an unknown mechanism');
  });
}

function pldOf(inputs: Inputs): PldAccountant {
  let accountant = new PldAccountant();
  for (const { event, count } of listed(inputs)) accountant = accountant.compose(event, count);
  return accountant;
}

function rdpOf(inputs: Inputs): RdpAccountant {
  let accountant = new RdpAccountant({ orders: orders(inputs) });
  for (const { event, count } of listed(inputs)) accountant = accountant.compose(event, count);
  return accountant;
}

function rdpSteps(inputs: Inputs): RdpAccountant {
  return new RdpAccountant({ orders: orders(inputs) }).compose(sampledGaussian(inputs), number(inputs, 'steps'));
}

function pldSteps(inputs: Inputs): PldAccountant {
  return new PldAccountant().compose(sampledGaussian(inputs), number(inputs, 'steps'));
}

function target(inputs: Inputs): { epsilon: number; delta: number } {
  return { epsilon: number(inputs, 'targetEpsilon'), delta: number(inputs, 'targetDelta') };
}

/** The noise by which `accountant` meets the target; an error if it doesn't. */
function noiseFor(inputs: Inputs, accountant: RdpAccountant | PldAccountant): number {
  const run = (noiseMultiplier: number): PrivacyEvent<Default> =>
    selfComposed(sampledGaussian({ ...inputs, noiseMultiplier }), number(inputs, 'steps'));
  const found = calibrate({ accountant, target: target(inputs), event: run, least: 0.01, most: 1e6, costs: 'less' });
  const { epsilon, delta } = target(inputs);
  if (!(accountant.compose(run(found)).epsilon(delta).upper <= epsilon)) throw new Error('the target is not met');
  return found;
}

function discrete(inputs: Inputs): PrivacyEvent<Default> {
  return discreteGaussian({ sigmaSquared: number(inputs, 'sigmaSquared'), contribution: number(inputs, 'shift') });
}

const checks: Readonly<Record<string, (inputs: Inputs) => number>> = {
  rdp_poisson_gaussian: (inputs) => new RdpAccountant().compose(sampledGaussian(inputs)).rdp(number(inputs, 'order')),
  rdp_epsilon_poisson: (inputs) => rdpSteps(inputs).epsilon(number(inputs, 'delta')).upper,
  rdp_delta_poisson: (inputs) => rdpSteps(inputs).delta(number(inputs, 'epsilon')).upper,
  rdp_wor_gaussian: (inputs) =>
    new RdpAccountant({ relation: 'replaceOne' }).compose(fixedSize(inputs)).rdp(number(inputs, 'order')),
  rdp_epsilon_wor: (inputs) =>
    new RdpAccountant({ relation: 'replaceOne', orders: orders(inputs) })
      .compose(fixedSize(inputs), number(inputs, 'steps'))
      .epsilon(number(inputs, 'delta')).upper,
  rdp_epsilon_composition: (inputs) => rdpOf(inputs).epsilon(number(inputs, 'delta')).upper,
  rdp_laplace: (inputs) =>
    new RdpAccountant()
      .compose(laplace({ noiseMultiplier: number(inputs, 'noiseMultiplier') }))
      .rdp(number(inputs, 'order')),
  pld_epsilon_poisson: (inputs) => pldSteps(inputs).epsilon(number(inputs, 'delta')).upper,
  pld_delta_poisson: (inputs) => pldSteps(inputs).delta(number(inputs, 'epsilon')).upper,
  pld_epsilon_composition: (inputs) => pldOf(inputs).epsilon(number(inputs, 'delta')).upper,
  pld_epsilon_replace_one(inputs) {
    expectRelation(inputs, 'replace_one');
    const event = gaussian({ relation: 'replaceOne', noiseMultiplier: number(inputs, 'noiseMultiplier') });
    return new PldAccountant({ relation: 'replaceOne' })
      .compose(
        poissonSampled({ samplingProbability: number(inputs, 'samplingProbability'), event }),
        number(inputs, 'steps'),
      )
      .epsilon(number(inputs, 'delta')).upper;
  },
  analytic_gaussian_sigma: (inputs) =>
    analyticGaussianSigma({
      epsilon: number(inputs, 'epsilon'),
      delta: number(inputs, 'delta'),
      sensitivity: number(inputs, 'l2Sensitivity'),
    }),
  analytic_gaussian_epsilon: (inputs) =>
    analyticGaussianEpsilon({ noiseMultiplier: number(inputs, 'noiseMultiplier'), delta: number(inputs, 'delta') }),
  analytic_gaussian_delta: (inputs) =>
    analyticGaussianDelta({ noiseMultiplier: number(inputs, 'noiseMultiplier'), epsilon: number(inputs, 'epsilon') }),
  calibrate_noise_rdp: (inputs) => noiseFor(inputs, new RdpAccountant({ orders: orders(inputs) })),
  calibrate_noise_pld: (inputs) => noiseFor(inputs, new PldAccountant()),
  calibrate_steps_rdp: (inputs) =>
    calibrate({
      accountant: new RdpAccountant({ orders: orders(inputs) }),
      target: target(inputs),
      event: (steps) => selfComposed(sampledGaussian(inputs), steps),
      least: 1,
      most: 1e12,
      costs: 'more',
      whole: true,
    }),
  tree_restart_epsilon(inputs) {
    const steps = number(inputs, 'stepsPerTree');
    const stepsPerTree = Array.from({ length: number(inputs, 'trees') }, () => steps);
    return new RdpAccountant({ relation: 'replaceSpecial', orders: orders(inputs) })
      .compose(treeRestarts({ noiseMultiplier: number(inputs, 'noiseMultiplier'), stepsPerTree }))
      .epsilon(number(inputs, 'delta')).upper;
  },
  tree_single_sensitivity: (inputs) =>
    singleTreeSensitivitySquared({
      steps: number(inputs, 'steps'),
      maxParticipation: number(inputs, 'maxParticipation'),
      minSeparation: number(inputs, 'minSeparation'),
    }),
  discrete_gaussian_rdp: (inputs) => new RdpAccountant().compose(discrete(inputs)).rdp(number(inputs, 'order')),
  discrete_gaussian_delta: (inputs) =>
    new PldAccountant().compose(discrete(inputs)).delta(number(inputs, 'epsilon')).upper,
  discrete_gaussian_moments: (inputs) => discreteGaussianVariance(number(inputs, 'sigmaSquared')),
  discrete_laplace_moments: (inputs) => discreteLaplaceVariance(number(inputs, 'scale')),
  skellam_rdp(inputs) {
    const scale = number(inputs, 'scale');
    const event = skellam({
      variance: number(inputs, 'variance') * scale * scale,
      l1: number(inputs, 'l1Sensitivity') * scale,
      l2: number(inputs, 'l2Sensitivity') * scale,
      dimension: number(inputs, 'dimension'),
    });
    return new RdpAccountant().compose(event).rdp(number(inputs, 'order'));
  },
  skellam_delta(inputs) {
    const shift = number(inputs, 'shift');
    const event = skellam({ variance: number(inputs, 'variance'), l1: shift, l2: shift });
    return new PldAccountant().compose(event).delta(number(inputs, 'epsilon')).upper;
  },
  skellam_distributed_epsilon(inputs) {
    const event = distributedSkellam({
      scale: number(inputs, 'scale'),
      centralStddev: number(inputs, 'centralStddev'),
      clip: number(inputs, 'l2Clip'),
      beta: number(inputs, 'beta'),
      dimension: number(inputs, 'dimension'),
    });
    return new RdpAccountant({ orders: orders(inputs) })
      .compose(
        poissonSampled({ samplingProbability: number(inputs, 'samplingProbability'), event }),
        number(inputs, 'steps'),
      )
      .epsilon(number(inputs, 'delta')).upper;
  },
  rounded_l2_norm_bound: (inputs) =>
    roundedNormBound({
      norm: number(inputs, 'scaledL2Norm'),
      beta: number(inputs, 'beta'),
      dimension: number(inputs, 'dimension'),
    }),
  ddgauss_epsilon(inputs) {
    const event = publishedDiscreteGaussian({
      gamma: number(inputs, 'gamma'),
      localStddev: number(inputs, 'localStddev'),
      clients: number(inputs, 'numClients'),
      clip: number(inputs, 'l2Clip'),
      beta: number(inputs, 'beta'),
      dimension: number(inputs, 'dimension'),
    });
    return new RdpAccountant({ orders: orders(inputs) })
      .compose(
        poissonSampled({ samplingProbability: number(inputs, 'samplingProbability'), event }),
        number(inputs, 'steps'),
      )
      .epsilon(number(inputs, 'delta')).upper;
  },
  ddp_scale_factor: (inputs) =>
    publishedScale({
      localDeviation: number(inputs, 'localStddev'),
      clip: number(inputs, 'l2Clip'),
      ringBits: number(inputs, 'bits'),
      clients: number(inputs, 'numClients'),
      dimension: number(inputs, 'dimension'),
      deviations: number(inputs, 'kStddevs'),
      flatness: number(inputs, 'rho'),
    }),
  zcdp_to_epsilon: (inputs) => zcdpToEpsilon({ rho: number(inputs, 'rho'), delta: number(inputs, 'delta') }),
  randomized_response_composed_epsilon(inputs) {
    expectRelation(inputs, 'replace_one');
    const event = randomizedResponse({
      noise: number(inputs, 'noiseParameter'),
      buckets: number(inputs, 'numBuckets'),
    });
    return new PldAccountant({ relation: 'replaceOne' })
      .compose(event, number(inputs, 'count'))
      .epsilon(number(inputs, 'delta')).upper;
  },
  exponential_mechanism_composed_rdp_epsilon: (inputs) =>
    new RdpAccountant({ orders: orders(inputs) })
      .compose(exponential({ epsilon: number(inputs, 'epsilonEach') }), number(inputs, 'count'))
      .epsilon(number(inputs, 'delta')).upper,
  eps_delta_optimal_composition: (inputs) =>
    optimalComposition({
      epsilon: number(inputs, 'epsilonEach'),
      delta: number(inputs, 'deltaEach'),
      count: number(inputs, 'count'),
      targetEpsilon: number(inputs, 'targetEpsilon'),
    }),
};

/** The computation for a kind, if there is one. */
export function checkedBy(kind: string): ((inputs: Inputs) => number) | undefined {
  return Object.hasOwn(checks, kind) ? checks[kind] : undefined;
}
