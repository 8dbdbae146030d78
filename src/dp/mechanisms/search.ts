import { checkChoice, checkInteger, checkNumber } from '../../core/check.js';
import { AbortError, UsageError } from '../../core/errors.js';
import { rotatedLength } from '../../ring/rotate.js';
import { maxVectorLength } from '../../ring/vector.js';
import { maxScale } from '../samplers/gaussian.js';
import { maxMean } from '../samplers/poisson.js';
import { type Rational, rational, toNumber } from '../samplers/rational.js';
import { type DistributedEncoding, integerSensitivity } from './distributed.js';
import { type DistributedNoiseKind, distributedNoiseKinds, equalTau, type NoisySum, wrapLog2 } from './noisy-sum.js';

/** What `searchDistributed` is to keep to. */
export interface SearchOptions {
  readonly noise: DistributedNoiseKind;
  /** Length of an update. */
  readonly dimension: number;
  /** C, in the update's unit. */
  readonly clip: number;
  /** b of the ring, 4 to 32. */
  readonly ringBits: number;
  /** n: most clients in the sum. */
  readonly clients: number;
  /** Least survivors less the colluders among them: those whose noise counts. */
  readonly honestSurvivors: number;
  /** Budget of the whole task. */
  readonly epsilon: number;
  /**
   * Epsilon of the whole task (all rounds, sampling, at its delta) if each sum is like this one. Falls as the variance
   * rises.
   */
  readonly accountant: (sum: NoisySum) => number;
  /** Whether a neighbor lacks a record's contribution or has another in its place: that doubles the sensitivities. */
  readonly neighboring?: 'addOrRemoveOne' | 'replaceOne' | 'replaceSpecial';
  /** A sum may wrap with probability 2^-wrapBits; 40 unless told. */
  readonly wrapBits?: number;
  /**
   * Probability of refusing a rounding; 1/(2n) unless told, so that conditioning costs the wrap bound no more than a
   * bit.
   */
  readonly beta?: number;
  /**
   * What the noise comes to where a client's is not one draw: given the variance that each of the honest survivors must
   * keep, the `tau` of their sum and the largest variance of a sum. Unless told, one draw a client, and all clients
   * there.
   */
  readonly noiseOf?: (clientVariance: number) => { readonly tau: number; readonly mostVariance: number };
}

/** What `searchDistributed` finds. */
export interface DistributedParameters extends DistributedEncoding {
  /** Variance of each client's noise in units of the grid: what it hands to its sampler. */
  readonly clientVariance: Rational;
  /** Variance that the honest survivors must reach together: `clientVariance` times their number. */
  readonly sumVariance: Rational;
  readonly sum: NoisySum;
  /** What the accountant says of it. */
  readonly epsilon: number;
  /** log2 of the probability that a sum wraps, at most. */
  readonly wrapLog2: number;
  /**
   * Standard deviation, per coordinate, of the sum's error in the update's unit with all clients there: noise and
   * rounding.
   */
  readonly deviation: number;
}

/** What the samplers draw. */
const maxVariance: Readonly<Record<DistributedNoiseKind, number>> = {
  discreteGaussian: maxScale ** 2,
  skellam: 2 * maxMean,
};

/** Variances are multiples of this: short fractions, which the samplers like. */
const variancesIn = 1024;

/**
 * The finest grid on which the sum won't wrap, and the least noise on it that keeps within epsilon. A finer grid rounds
 * less, and so has the lower sensitivity and error; what limits it is the ring.
 *
 * @throws UsageError `usage.range`, `usage.choice`; AbortError `dp.infeasible` if no grid and noise will do
 */
export function searchDistributed(options: SearchOptions): DistributedParameters {
  const checked = checkOptions(options);
  // Variance over squared sensitivity: hardly depends on the grid, so it is where the next search starts.
  let guess: number | undefined;
  const fits = (granularity: number): DistributedParameters | undefined => {
    const found = calibrate(checked, granularity, guess);
    if (found !== undefined) guess = found.sum.variance / found.sum.l2Sensitivity ** 2;
    if (found === undefined || found.wrapLog2 > -checked.wrapBits) return undefined;
    return toNumber(found.clientVariance) <= maxVariance[checked.noise] ? found : undefined;
  };
  // Integers of a norm above 2^25 are too fine for exact norms; norms below one step leave nothing but rounding.
  let [fine, coarse] = [Math.log2(options.clip) - 25, Math.log2(options.clip)];
  const finest = fits(2 ** fine);
  if (finest !== undefined) return finest;
  let best = fits(2 ** coarse);
  if (best === undefined)
    throw new AbortError(
      'dp.infeasible',
      `no grid fits ${options.clients} clients and epsilon ${options.epsilon} into ${options.ringBits} bits: ` +
        'raise the ring bits or epsilon, or lower the dimension or the clients',
    );
  while (coarse - fine > 0.002) {
    const middle = (fine + coarse) / 2;
    const found = fits(2 ** middle);
    if (found === undefined) fine = middle;
    else [coarse, best] = [middle, found];
  }
  return best;
}

type Checked = Required<SearchOptions>;

/** The least noise on this grid within epsilon, or `undefined` if there is none. */
function calibrate(options: Checked, granularity: number, guess = 0): DistributedParameters | undefined {
  const { dimension, clip, ringBits, beta, clients, honestSurvivors, noise, noiseOf } = options;
  const encoding: DistributedEncoding = { dimension, clip, granularity, beta, ringBits };
  const padded = rotatedLength(dimension);
  const sensitivity = integerSensitivity(encoding);
  const factor = options.neighboring === 'replaceOne' ? 2 : 1;
  /** `steps`: a client's variance, in units of 1/1024. */
  const at = (steps: number): { readonly sum: NoisySum; readonly epsilon: number } => {
    const each = steps / variancesIn;
    const sum: NoisySum = {
      noise,
      variance: each * honestSurvivors,
      l2Sensitivity: factor * sensitivity.l2,
      l1Sensitivity: factor * sensitivity.l1,
      dimension: padded,
      tau: noiseOf(each).tau,
    };
    return { sum, epsilon: options.accountant(sum) };
  };
  const start = (guess * (factor * sensitivity.l2) ** 2 * variancesIn) / honestSurvivors;
  const steps = leastSteps((value) => at(value).epsilon <= options.epsilon, Math.round(Math.min(start, maxSteps)));
  if (steps === undefined) return undefined;
  const { sum, epsilon } = at(steps);
  const { mostVariance } = noiseOf(steps / variancesIn);
  return {
    ...encoding,
    clientVariance: rational(steps, variancesIn),
    sumVariance: rational(BigInt(steps) * BigInt(honestSurvivors), variancesIn),
    sum,
    epsilon,
    wrapLog2: wrapLog2({
      noise,
      ringBits,
      dimension: padded,
      clients,
      norm: clip / granularity,
      beta,
      variance: mostVariance,
    }),
    deviation: granularity * Math.sqrt(mostVariance + clients / 4),
  };
}

const maxSteps = 2 ** 52;

/**
 * The least whole number, to 10^-4 of itself, that will do; what will do is all from some number on. Starts at the
 * guess.
 */
function leastSteps(isEnough: (steps: number) => boolean, guess: number): number | undefined {
  let [low, high] = [0, 1];
  let factor = 4;
  if (guess > 1) {
    high = guess;
    factor = 1.01;
    while (high > 1 && isEnough(Math.floor(high / factor))) {
      high = Math.max(1, Math.floor(high / factor));
      factor = factor ** 2;
    }
    low = Math.floor(high / factor);
  }
  while (!isEnough(high)) {
    low = high;
    high = Math.ceil(high * factor);
    factor = Math.min(4, factor ** 2);
    if (high > maxSteps) return undefined;
  }
  while (high - low > Math.max(1, high * 1e-4)) {
    const middle = low === 0 ? Math.ceil(high / 2) : Math.ceil(Math.sqrt(low * high));
    if (middle <= low || middle >= high) break;
    if (isEnough(middle)) high = middle;
    else low = middle;
  }
  return high;
}

function checkOptions(options: SearchOptions): Checked {
  const clients = checkInteger('clients', options.clients, 1, 2 ** 24);
  if (typeof options.accountant !== 'function')
    throw new UsageError('usage.function', 'accountant must be a function from a noisy sum to epsilon');
  const noise = checkChoice('noise', options.noise, distributedNoiseKinds);
  const honestSurvivors = checkInteger('honestSurvivors', options.honestSurvivors, 1, clients);
  const oneDraw = (clientVariance: number): { readonly tau: number; readonly mostVariance: number } => ({
    tau: noise === 'skellam' ? 0 : equalTau(honestSurvivors, clientVariance),
    mostVariance: clients * clientVariance,
  });
  return {
    noise,
    dimension: checkInteger('dimension', options.dimension, 1, maxVectorLength),
    clip: checkNumber('clip', options.clip, 2 ** -64, 2 ** 64),
    ringBits: checkInteger('ringBits', options.ringBits, 4, 32),
    clients,
    honestSurvivors,
    epsilon: checkNumber('epsilon', options.epsilon, 1e-6, 1e6),
    accountant: options.accountant,
    neighboring: checkChoice('neighboring', options.neighboring ?? 'addOrRemoveOne', [
      'addOrRemoveOne',
      'replaceOne',
      'replaceSpecial',
    ] as const),
    wrapBits: checkInteger('wrapBits', options.wrapBits ?? 40, 1, 1000),
    beta: checkNumber('beta', options.beta ?? 1 / (2 * clients), 0, 0.999),
    noiseOf: options.noiseOf ?? oneDraw,
  };
}
