/**
 * Exact samplers of integer noise: the probabilities are the distribution's own, for any random source whose bytes are
 * uniform. Parameters are rationals or doubles taken at their exact value.
 */
export { binomial } from './binomial.js';
export { discreteGaussian, discreteLaplace } from './gaussian.js';
export { poisson, skellam } from './poisson.js';
export { type Rational, rational } from './rational.js';
export type { IntegerArray, NoiseKind, NoiseSampler } from './sampler.js';
