import { binomial } from '../../../src/dp/samplers/binomial.js';
import { discreteGaussian, discreteLaplace } from '../../../src/dp/samplers/gaussian.js';
import { poisson, skellam } from '../../../src/dp/samplers/poisson.js';
import { rational } from '../../../src/dp/samplers/rational.js';
import type { NoiseSampler } from '../../../src/dp/samplers/sampler.js';
import {
  binomialWeights,
  gaussianWeight,
  laplaceWeight,
  poissonWeights,
  skellamWeights,
  type Weight,
} from './statistics.js';

export interface PmfCase {
  readonly name: string;
  readonly sampler: NoiseSampler;
  readonly weight: Weight;
  readonly least: number;
  readonly most: number;
}

const gaussian = (variance: number, reach: number): PmfCase => ({
  name: `discrete Gaussian, sigma^2 = ${variance}`,
  sampler: discreteGaussian({ variance }),
  weight: gaussianWeight(variance),
  least: -reach,
  most: reach,
});

const laplace = (scale: number, reach: number): PmfCase => ({
  name: `discrete Laplace, b = ${scale}`,
  sampler: discreteLaplace({ scale }),
  weight: laplaceWeight(scale),
  least: -reach,
  most: reach,
});

const poissonCase = (mean: number, least: number, most: number): PmfCase => ({
  name: `Poisson, mean ${mean}`,
  sampler: poisson({ mean }),
  weight: poissonWeights(mean, least, most),
  least,
  most,
});

const skellamCase = (variance: number, reach: number): PmfCase => ({
  name: `Skellam, variance ${variance}`,
  sampler: skellam({ variance }),
  weight: skellamWeights(variance),
  least: -reach,
  most: reach,
});

/** Every method at its edges: both of Poisson's, one step a value, a width that isn't a whole number of draws. */
export const pmfCases: readonly PmfCase[] = [
  gaussian(0.203, 6),
  gaussian(1, 9),
  gaussian(94.6, 80),
  gaussian(1e6, 7000),
  laplace(0.3, 12),
  laplace(1.61, 40),
  laplace(500, 10_000),
  poissonCase(0.01, 0, 6),
  poissonCase(1, 0, 16),
  poissonCase(63.9, 10, 140),
  poissonCase(64, 10, 140),
  poissonCase(777.25, 550, 1020),
  poissonCase(250_000, 246_000, 254_000),
  skellamCase(0.5, 8),
  skellamCase(27.7, 45),
  skellamCase(1000, 240),
  {
    name: 'binomial, 40 trials of 3/10',
    sampler: binomial({ trials: 40, probability: rational(3, 10) }),
    weight: binomialWeights(40, 0.3),
    least: 0,
    most: 40,
  },
  {
    name: 'binomial, 1000 trials of 1/2',
    sampler: binomial({ trials: 1000, probability: 0.5 }),
    weight: binomialWeights(1000, 0.5),
    least: 380,
    most: 620,
  },
];
