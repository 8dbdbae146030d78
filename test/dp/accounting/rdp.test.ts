import { describe, expect, it } from 'vitest';
import {
  defaultOrders,
  discreteGaussian,
  exponential,
  fixedSizeSampled,
  gaussian,
  laplace,
  poissonSampled,
  RdpAccountant,
  skellam,
} from '../../../src/dp/index.js';

/**
 * Sampling probability, noise multiplier, order, divergence. Made with mpmath 1.3.0 at 60 digits from the doubles
 * written here: whole orders by the sum of C(a,k) q^k (1-q)^(a-k) e^(k(k-1)/(2 s^2)), others by the trapezoid rule for
 * the integral of N(x; 0, s^2) (1 - q + q e^((2x-1)/(2 s^2)))^a over [-18 s, a + 18 s] with steps s/12 and s/16, which
 * had to agree to 40 digits; then the logarithm over a - 1, printed to 25 digits.
 */
const reference: readonly (readonly [number, number, number, string])[] = [
  [0.01, 1, 1.0001, '0.00008382078919703057914300331'],
  [0.01, 1, 1.5, '0.0001272537433274498388064434'],
  [0.01, 1, 2.5, '0.0002175753322818804617291362'],
  [0.0001, 10, 1.1, '5.527586879987927482664694e-11'],
  [0.0001, 10, 32.5, '1.633202376822246914294598e-9'],
  [1e-6, 4, 3.7, '1.193147623609953596095136e-13'],
  [0.3, 0.8, 7.3, '4.308189111604421738598626'],
  [0.5, 2, 1.01, '0.03253068552859620763176918'],
  [0.9, 1.1, 20.9, '8.525708630836234722057253'],
  [0.05, 0.7, 60.25, '58.43329868092663494389868'],
  [0.001, 0.9, 100.5, '55.05985708188422220065846'],
  [0.01, 1, 2, '0.0001718134220745479381432135'],
  [0.0001, 10, 2, '1.005016708366302921334373e-10'],
  [1e-6, 5, 40, '8.16216766863143476506809e-13'],
  [0.2, 3, 64, '1.924320778043144196388674'],
  [0.02, 0.6, 10, '9.542196661391515742186359'],
  [0.01, 4, 1024, '27.39032818137653417443542'],
  [0.7, 2, 300, '37.14213216327217480700272'],
];

const sampled = (q: number, noiseMultiplier: number) =>
  poissonSampled({ samplingProbability: q, event: gaussian({ noiseMultiplier }) });

describe('the Poisson-sampled Gaussian', () => {
  for (const [q, sigma, order, value] of reference)
    it(`q ${q}, sigma ${sigma}, order ${order}: within 1e-12 of 60 digits`, () => {
      const rdp = new RdpAccountant().compose(sampled(q, sigma)).rdp(order);
      expect(Math.abs(rdp / Number(value) - 1)).toBeLessThan(1e-12);
    });

  it('does not fall to zero near order 1', () => {
    const accountant = new RdpAccountant().compose(sampled(0.01, 1));
    // The limit is a Kullback-Leibler divergence, near half the variance of the loss.
    expect(accountant.rdp(1 + 1e-9) / accountant.rdp(1 + 1e-6)).toBeCloseTo(1, 5);
    expect(accountant.rdp(1.000001)).toBeGreaterThan(8e-5);
  });

  it('agrees between the series and the integral across whole orders', () => {
    const accountant = new RdpAccountant().compose(sampled(0.02, 0.9));
    for (const order of [2, 5, 17, 64]) expect(accountant.rdp(order + 1e-9) / accountant.rdp(order)).toBeCloseTo(1, 7);
  });
});

describe('what others get wrong', () => {
  it('counts every use of the exponential mechanism', () => {
    const once = new RdpAccountant({ orders: defaultOrders }).compose(exponential({ epsilon: 0.28 }));
    const often = new RdpAccountant({ orders: defaultOrders }).compose(exponential({ epsilon: 0.28 }), 29);
    expect(often.rdp(4)).toBeCloseTo(29 * once.rdp(4), 12);
  });

  it('doubles the sensitivity for a replaced record', () => {
    const replaced = new RdpAccountant({ relation: 'replaceOne' });
    const gauss = gaussian({ relation: 'replaceOne', noiseMultiplier: 2 });
    expect(replaced.compose(gauss).rdp(3)).toBeCloseTo((3 * 4) / (2 * 4), 14);
    expect(replaced.compose(laplace({ relation: 'replaceOne', noiseMultiplier: 8 })).rdp(5)).toBeCloseTo(
      new RdpAccountant().compose(laplace({ noiseMultiplier: 4 })).rdp(5),
      14,
    );
  });

  it('gives a finite, positive epsilon at a tiny delta', () => {
    const { upper } = new RdpAccountant().compose(sampled(0.01, 1), 10_000).epsilon(1e-16);
    expect(upper).toBeGreaterThan(5);
    expect(upper).toBeLessThan(50);
  });

  it('never answers with a negative epsilon', () => {
    expect(new RdpAccountant().compose(gaussian({ noiseMultiplier: 1e6 })).epsilon(0.9).upper).toBe(0);
  });
});

describe('orders', () => {
  it('finds an order at least as good as any of the default ones', () => {
    for (const [q, sigma, steps] of [
      [0.01, 1, 1000],
      [0.3, 2, 90],
      [1e-4, 10, 1e5],
    ] as const) {
      const free = new RdpAccountant().compose(sampled(q, sigma), steps).epsilon(1e-6).upper;
      const listed = new RdpAccountant({ orders: defaultOrders }).compose(sampled(q, sigma), steps).epsilon(1e-6).upper;
      const best = Math.min(
        ...defaultOrders.map(
          (order) => new RdpAccountant({ orders: [order] }).compose(sampled(q, sigma), steps).epsilon(1e-6).upper,
        ),
      );
      expect(listed).toBe(best);
      expect(free).toBeLessThanOrEqual(best);
    }
  });

  it('refuses orders that are not above 1', () => {
    for (const orders of [[], [1], [2, Number.NaN], [Number.POSITIVE_INFINITY], 'x'])
      expect(() => new RdpAccountant({ orders: orders as number[] })).toThrow(/orders must be/);
  });
});

describe('bounds by other means', () => {
  it('never takes a sample for worse than the whole', () => {
    for (const event of [skellam({ variance: 50, l1: 3, l2: 3 }), discreteGaussian({ sigmaSquared: 9 })]) {
      const whole = new RdpAccountant().compose(event);
      const sample = new RdpAccountant().compose(poissonSampled({ samplingProbability: 0.1, event }));
      for (const order of [2, 3, 8, 32]) expect(sample.rdp(order)).toBeLessThanOrEqual(whole.rdp(order));
    }
  });

  it('amplifies batches of fixed size', () => {
    const event = gaussian({ relation: 'replaceOne', noiseMultiplier: 4 });
    const accountant = new RdpAccountant({ relation: 'replaceOne' });
    const part = accountant.compose(fixedSizeSampled({ sampleSize: 10, datasetSize: 1000, event }));
    expect(part.rdp(2)).toBeLessThan(0.01 * accountant.compose(event).rdp(2));
  });

  it('approaches the continuous Gaussian from below', () => {
    const at = (sigmaSquared: number): number =>
      new RdpAccountant().compose(discreteGaussian({ sigmaSquared })).rdp(2.5);
    expect(at(0.2)).toBeLessThan(2.5 / 0.4);
    expect(at(5)).toBeCloseTo(0.25, 12);
  });
});
