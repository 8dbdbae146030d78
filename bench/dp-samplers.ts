import { webcrypto } from 'node:crypto';
import { encodeDistributed } from '../src/dp/mechanisms/distributed.js';
import { noisySumRdp } from '../src/dp/mechanisms/noisy-sum.js';
import { searchDistributed } from '../src/dp/mechanisms/search.js';
import { BitSource } from '../src/dp/samplers/bits.js';
import { coinGaussian } from '../src/dp/samplers/coins.js';
import { discreteGaussian, discreteLaplace } from '../src/dp/samplers/gaussian.js';
import { poisson, skellam } from '../src/dp/samplers/poisson.js';
import { rational, toNumber } from '../src/dp/samplers/rational.js';
import type { NoiseSampler } from '../src/dp/samplers/sampler.js';
import { cpuSeconds, type Measurement, median } from './measurement.js';

const draws = 1_000_000;
const repetitions = 5;

/** What is wanted of a discrete Gaussian, and what the others are compared with too. */
const wanted = 2e6;

const random = (length: number): Uint8Array => webcrypto.getRandomValues(new Uint8Array(length));

const samplers: readonly (readonly [string, NoiseSampler])[] = [
  ['discrete-gaussian-sigma1000', discreteGaussian({ variance: 1e6 })],
  ['discrete-gaussian-sigma1', discreteGaussian({ variance: 1 })],
  ['discrete-laplace-b1000', discreteLaplace({ scale: 1000 })],
  ['skellam-variance10', skellam({ variance: 10 })],
  ['skellam-variance1e6', skellam({ variance: 1e6 })],
  ['poisson-mean63', poisson({ mean: 63 })],
];

async function middle(task: () => unknown): Promise<number> {
  await task();
  const times: number[] = [];
  for (let i = 0; i < repetitions; i += 1) times.push(await cpuSeconds(task));
  return median(times);
}

/** Draws a second of one core, beside a fair comparison: the algorithm as it is printed, in the same run. */
export async function* dpSamplerBenches(): AsyncGenerator<Measurement> {
  const target = new Int32Array(draws);
  for (const [name, sampler] of samplers) {
    const seconds = await middle(() => sampler.fill(target, random));
    yield {
      name: `dp-samplers/${name}`,
      value: draws / seconds / 1e6,
      unit: 'M/s',
      ratio: draws / seconds / wanted,
      against: '2 M/s',
    };
  }
  const source = new BitSource(random);
  const variance = rational(1e6);
  const few = 2000;
  const seconds = await middle(() => {
    for (let i = 0; i < few; i += 1) coinGaussian(source, variance);
  });
  yield { name: 'dp-samplers/coins-sigma1000', value: few / seconds / 1e6, unit: 'M/s' };
  yield* encodingBenches();
}

/** A client's whole work of distributed noise, on an update of 2^18 values. */
async function* encodingBenches(): AsyncGenerator<Measurement> {
  const dimension = 2 ** 18;
  const update = Float32Array.from({ length: dimension }, (_, i) => Math.sin(i));
  const started = process.cpuUsage();
  const found = searchDistributed({
    noise: 'skellam',
    dimension,
    clip: 1,
    ringBits: 20,
    clients: 1000,
    honestSurvivors: 700,
    epsilon: 8,
    accountant: (sum) => {
      let least = Number.POSITIVE_INFINITY;
      for (let order = 2; order < 128; order += 1)
        least = Math.min(least, 100 * noisySumRdp(sum, order) - Math.log(1e-6 * order) / (order - 1));
      return least;
    },
  });
  const { user, system } = process.cpuUsage(started);
  yield { name: 'dp-samplers/distributed/search', value: (user + system) / 1e3, unit: 'ms' };
  const sampler = skellam({ variance: toNumber(found.clientVariance) });
  const seconds = await middle(() =>
    encodeDistributed(update, { ...found, rotation: new Uint8Array(32), random, noise: [{ sampler, random }] }),
  );
  yield { name: 'dp-samplers/distributed/encode-d2^18', value: dimension / seconds / 1e6, unit: 'M/s' };
}
