/** The dominating pair of each kind of release. */
import type { PrivacyEvent } from '../../events/event.js';
import { movement } from '../../neighboring.js';
import { unsupported } from '../accountant.js';
import type { Primitive } from '../primitives.js';
import {
  discreteGaussianLoss,
  discreteLaplaceLoss,
  epsilonDeltaLoss,
  randomizedResponseLoss,
  sampledAddDiscrete,
  sampledRemoveDiscrete,
  skellamLoss,
} from './discrete.js';
import type { Loss, LossPair } from './loss.js';
import { gaussianLoss, laplaceLoss, sampledAdd, sampledRemove, sampledReplace } from './smooth.js';

/**
 * The losses of a release in both directions. For events of which only a guarantee is known, those of the worst
 * mechanism that has it, so that lower bounds speak of that one.
 *
 * @throws UsageError (`dp.unsupported`) where no dominating pair is known.
 */
export function lossPair(event: Primitive): LossPair {
  if (event.kind === 'poissonSampled') return sampledPair(event);
  const loss = alike(event);
  return { remove: loss, add: loss };
}

function alike(event: Exclude<Primitive, { kind: 'poissonSampled' }>): Loss {
  switch (event.kind) {
    case 'gaussian':
      return gaussianLoss(movement(event.relation) / event.noiseMultiplier);
    case 'laplace':
      return laplaceLoss(movement(event.relation) / event.noiseMultiplier);
    case 'discreteGaussian':
      if (event.dimension !== 1 || event.tau > 0)
        throw unsupported('PLD', event, 'noise of so few steps has a known worst case in one dimension only; use RDP');
      return discreteGaussianLoss(event.sigmaSquared, movement(event.relation) * event.contribution);
    case 'discreteLaplace':
      return discreteLaplaceLoss(event.scale, movement(event.relation) * event.contribution);
    case 'skellam':
      if (event.dimension !== 1) throw unsupported('PLD', event, 'only one dimension has a known worst case; use RDP');
      return skellamLoss(event.variance, movement(event.relation) * event.l2);
    case 'randomizedResponse':
      return randomizedResponseLoss(event.noise, event.buckets);
    case 'exponential':
      return epsilonDeltaLoss(event.epsilon, 0);
    case 'epsilonDelta':
      return epsilonDeltaLoss(event.epsilon, event.delta);
    default:
      throw unsupported('PLD', event);
  }
}

function sampledPair(event: Extract<PrivacyEvent, { kind: 'poissonSampled' }>): LossPair {
  const { samplingProbability: q, event: inner } = event;
  if (event.relation === 'replaceOne') {
    if (inner.kind !== 'gaussian')
      throw unsupported('PLD', event, `a Poisson sample of ${inner.kind} under replaceOne`);
    const loss = sampledReplace(1 / inner.noiseMultiplier, q);
    return { remove: loss, add: loss };
  }
  // Checked by primitives(): what is inside a sample is one release, not itself sampled.
  const base = alike(inner as Exclude<Primitive, { kind: 'poissonSampled' }>);
  if (base.kind === 'smooth') return { remove: sampledRemove(base, q), add: sampledAdd(base, q) };
  return { remove: sampledRemoveDiscrete(base, q), add: sampledAddDiscrete(base, q) };
}
