import { describe, expect, it } from 'vitest';
import { DirectedComposition } from '../../../src/dp/accounting/pld/compose.js';
import { gaussianLoss, sampledAdd, sampledRemove } from '../../../src/dp/accounting/pld/smooth.js';
import {
  analyticGaussianDelta,
  discreteGaussian,
  epsilonDelta,
  gaussian,
  laplace,
  optimalComposition,
  PldAccountant,
  type PrivacyEvent,
  poissonSampled,
  RdpAccountant,
  randomizedResponse,
} from '../../../src/dp/index.js';
import { twoReleases } from './two-releases.js';

const sampled = (q: number, noiseMultiplier: number): PrivacyEvent<'addOrRemoveOne'> =>
  poissonSampled({ samplingProbability: q, event: gaussian({ noiseMultiplier }) });

describe('two-sided bounds', () => {
  it('are within 0.1% at q 0.01, sigma 1, 10^4 steps, delta 1e-5', () => {
    const { lower, estimate, upper } = new PldAccountant().compose(sampled(0.01, 1), 10_000).epsilon(1e-5);
    expect(upper / lower - 1).toBeLessThan(1e-3);
    expect(estimate).toBeGreaterThan(6.15);
    expect(estimate).toBeLessThan(6.21);
  });

  it('hold each other at different precisions', () => {
    for (const [q, sigma, steps, delta] of [
      [0.01, 1, 10_000, 1e-5],
      [1e-4, 10, 100_000, 1e-7],
      [0.3, 2, 60, 1e-9],
      [1e-3, 0.5, 5000, 1e-6],
    ] as const) {
      const fine = new PldAccountant({ precision: 1e-4 }).compose(sampled(q, sigma), steps).epsilon(delta);
      const coarse = new PldAccountant({ precision: 5e-3 }).compose(sampled(q, sigma), steps).epsilon(delta);
      expect(coarse.lower).toBeLessThanOrEqual(fine.upper);
      expect(coarse.upper).toBeGreaterThanOrEqual(fine.lower);
      expect(fine.upper / fine.lower - 1).toBeLessThan(3e-4);
      // The estimate cancels what the two grids add and take.
      expect(Math.abs(coarse.estimate / fine.estimate - 1)).toBeLessThan(2e-3);
    }
  });

  it('are finite and close at deltas far below rounding error', () => {
    for (const delta of [1e-16, 1e-40, 1e-100]) {
      const { lower, upper } = new PldAccountant().compose(sampled(0.01, 1), 10_000).epsilon(delta);
      expect(lower).toBeGreaterThan(6.18);
      expect(upper / lower - 1).toBeLessThan(2e-3);
    }
  });

  it('stay below what moments prove', () => {
    const pld = new PldAccountant().compose(sampled(0.02, 0.8), 500).epsilon(1e-6).upper;
    expect(pld).toBeLessThan(new RdpAccountant().compose(sampled(0.02, 0.8), 500).epsilon(1e-6).upper);
  });

  it('do not overstate small losses', () => {
    // A fixed grid of 1e-4 gives 0.0348.
    expect(new PldAccountant().compose(sampled(1e-4, 10), 100_000).epsilon(1e-7).upper).toBeLessThan(0.0117);
  });
});

/** The Gaussian hidden in a mixture with nothing: composed on the grid, but known in closed form. */
describe('against closed forms', () => {
  it('holds Gaussians composed with a mechanism that tells nothing', () => {
    const nothing = epsilonDelta({ epsilon: 1e-9, delta: 0 });
    const accountant = new PldAccountant().compose(gaussian({ noiseMultiplier: 5 }), 20).compose(nothing, 2);
    for (const epsilon of [0.5, 1, 4, 8]) {
      const exact = analyticGaussianDelta({ noiseMultiplier: 5 / Math.sqrt(20), epsilon });
      const { lower, upper } = accountant.delta(epsilon);
      expect(lower).toBeLessThanOrEqual(exact * (1 + 1e-6));
      expect(upper).toBeGreaterThanOrEqual(exact * (1 - 1e-6));
      expect(upper / lower - 1).toBeLessThan(1e-2);
    }
  });

  it('holds discrete Gaussians of different sizes', () => {
    const accountant = new PldAccountant()
      .compose(discreteGaussian({ sigmaSquared: 100 }), 30)
      .compose(discreteGaussian({ sigmaSquared: 64, contribution: 2 }), 5);
    const precision = 30 / 100 + (5 * 4) / 64;
    const like = new PldAccountant().compose(gaussian({ noiseMultiplier: 1 / Math.sqrt(precision) }));
    const { lower, upper } = accountant.epsilon(1e-6);
    expect(upper / lower - 1).toBeLessThan(2e-3);
    expect(Math.abs(upper / like.epsilon(1e-6).estimate - 1)).toBeLessThan(1e-2);
  });

  it('holds randomized response composed: the exact three-point convolution', () => {
    const accountant = new PldAccountant({ relation: 'replaceOne' }).compose(
      randomizedResponse({ noise: 0.5, buckets: 4 }),
      6,
    );
    const lie = 0.125;
    const loss = Math.log(0.625 / lie);
    let masses = new Map<number, number>([[0, 1]]);
    for (let i = 0; i < 6; i += 1) {
      const next = new Map<number, number>();
      for (const [at, mass] of masses)
        for (const [step, p] of [
          [1, 0.625],
          [0, 0.25],
          [-1, lie],
        ] as const)
          next.set(at + step, (next.get(at + step) ?? 0) + mass * p);
      masses = next;
    }
    for (const epsilon of [0.5, 2, 6]) {
      let exact = 0;
      for (const [at, mass] of masses) exact += mass * Math.max(0, -Math.expm1(epsilon - at * loss));
      const { lower, upper } = accountant.delta(epsilon);
      expect(lower).toBeLessThanOrEqual(exact);
      expect(upper).toBeGreaterThanOrEqual(exact);
      expect(upper / lower - 1).toBeLessThan(1e-9);
    }
  });

  it('agrees with optimal composition', () => {
    const accountant = new PldAccountant().compose(epsilonDelta({ epsilon: 0.2, delta: 1e-8 }), 40);
    for (const targetEpsilon of [0.5, 2, 5]) {
      const exact = optimalComposition({ epsilon: 0.2, delta: 1e-8, count: 40, targetEpsilon });
      const { lower, upper } = accountant.delta(targetEpsilon);
      expect(lower).toBeLessThanOrEqual(exact);
      expect(upper).toBeGreaterThanOrEqual(exact);
      expect(upper / lower - 1).toBeLessThan(1e-8);
    }
  });

  it('holds Laplace noise composed, against the sum over signs of two', () => {
    // Two releases: the loss pair integrated numerically.
    const scale = 2;
    const accountant = new PldAccountant().compose(laplace({ noiseMultiplier: scale }), 2);
    const loss = (x: number): number => (Math.abs(x - 1) - Math.abs(x)) / scale;
    const n = 6000;
    const step = 1 / n;
    const atoms: [number, number][] = [
      [1 / scale, 0.5],
      [-1 / scale, 0.5 * Math.exp(-1 / scale)],
    ];
    for (let i = 0; i < n; i += 1) {
      const x = (i + 0.5) * step;
      atoms.push([loss(x), (step * Math.exp(-x / scale)) / (2 * scale)]);
    }
    const epsilon = 0.6;
    let exact = 0;
    for (const [a, p] of atoms) for (const [b, r] of atoms) exact += p * r * Math.max(0, -Math.expm1(epsilon - a - b));
    const { lower, upper } = accountant.delta(epsilon);
    expect(lower).toBeLessThanOrEqual(exact * (1 + 1e-5));
    expect(upper).toBeGreaterThanOrEqual(exact * (1 - 1e-5));
    expect(upper / lower - 1).toBeLessThan(1e-2);
  });
});

describe('samples so small that losses are tiny, or rare and large', () => {
  // No even grid suits both: it was out by 0.4 to 8 percent, and by much more in delta.
  it.each([
    [1e-6, 0.5, 1e4, 1e-8],
    [1e-6, 1, 2 ** 16, 6e-8],
    ...(process.env.VEILSUM_NIGHTLY === '1'
      ? ([
          [1e-4, 1, 1e4, 1e-6],
          [1e-5, 1, 1e5, 1e-6],
          [1e-6, 1, 1e6, 1e-6],
        ] as const)
      : []),
  ] as const)('q %f, sigma %f, %d steps, delta %f: both bounds are close', (q, sigma, steps, delta) => {
    const accountant = new PldAccountant().compose(sampled(q, sigma), steps);
    const { lower, upper } = accountant.epsilon(delta);
    expect(lower).toBeGreaterThan(0);
    expect(upper / lower - 1).toBeLessThan(1.2e-3);
    const back = accountant.delta(upper);
    expect(back.lower).toBeLessThanOrEqual(delta * (1 + 1e-9));
    expect(back.upper / back.lower - 1).toBeLessThan(1e-2);
  });
});

describe('no delta to spare', () => {
  it.each([
    ['a sampled Gaussian', sampled(0.1, 1), Number.POSITIVE_INFINITY],
    ['a discrete Gaussian', discreteGaussian({ sigmaSquared: 10 }), Number.POSITIVE_INFINITY],
    ['Laplace noise', laplace({ noiseMultiplier: 2 }), 0.5],
    [
      'a sample with Laplace noise',
      poissonSampled({ samplingProbability: 0.1, event: laplace({ noiseMultiplier: 2 }) }),
      Math.log1p(0.1 * Math.expm1(0.5)),
    ],
  ] as const)('%s costs what its largest loss does', (_, event, largest) => {
    for (const count of [1, 3]) {
      const { lower, upper } = new PldAccountant().compose(event, count).epsilon(0);
      if (largest === Number.POSITIVE_INFINITY) expect(upper).toBe(largest);
      else expect(upper).toBeCloseTo(count * largest, 9);
      expect(lower).toBeLessThanOrEqual(upper);
      expect(new PldAccountant().compose(event, count).epsilonBound(0)).toBeGreaterThanOrEqual(
        count * largest * (1 - 1e-12),
      );
      expect(new PldAccountant().compose(event, count).epsilon(1e-300).upper).toBeGreaterThanOrEqual(
        Math.min(count * largest, 46) * (1 - 1e-9),
      );
    }
  });

  it('is left where no double is as small: delta is never nothing', () => {
    expect(new PldAccountant().compose(gaussian({ noiseMultiplier: 1 })).delta(600).upper).toBeGreaterThan(0);
  });
});

describe('traps', () => {
  it('counts every randomized response', () => {
    const event = randomizedResponse({ noise: 0.974, buckets: 2 });
    const accountant = new PldAccountant({ relation: 'replaceOne' });
    expect(accountant.compose(event, 23).epsilon(1e-6).upper).toBeGreaterThan(
      10 * accountant.compose(event).epsilon(1e-6).upper,
    );
  });

  it('reports no finite epsilon below the mass that is told outright', () => {
    const accountant = new PldAccountant().compose(epsilonDelta({ epsilon: 0.1, delta: 1e-3 }), 5);
    expect(accountant.epsilon(1e-4).upper).toBe(Number.POSITIVE_INFINITY);
    expect(accountant.epsilon(0.1).upper).toBeLessThan(1);
  });
});

describe('two releases, against an integral', () => {
  for (const [q, sigma] of [
    [0.01, 1],
    [1.0085e-4, 0.933],
    [0.004, 0.52],
    [2.5e-3, 0.5],
    [0.3, 2],
  ] as const)
    for (const remove of [true, false])
      it(`q ${q}, sigma ${sigma}, ${remove ? 'remove' : 'add'}: lower and upper are on their sides`, () => {
        const base = gaussianLoss(1 / sigma);
        const loss = remove ? sampledRemove(base, q) : sampledAdd(base, q);
        const composition = new DirectedComposition([{ loss, count: 2 }], 4e-4);
        // 1e-6: the integral's own error, where the divergence bends.
        for (const delta of [1e-3, 1e-5, 1e-7]) {
          const { lower, upper } = composition.bounds({ delta });
          expect(lower).toBeLessThanOrEqual(upper);
          if (lower > 0)
            expect(twoReleases([q, sigma], loss, remove, lower)).toBeGreaterThanOrEqual(delta * (1 - 1e-6));
          if (upper > 0) expect(twoReleases([q, sigma], loss, remove, upper)).toBeLessThanOrEqual(delta * (1 + 1e-6));
        }
        for (const epsilon of [1e-3, 0.1, 1]) {
          const { lower, upper } = composition.bounds({ epsilon });
          const exact = twoReleases([q, sigma], loss, remove, epsilon);
          expect(lower).toBeLessThanOrEqual(exact * (1 + 1e-6) + 1e-15);
          expect(upper).toBeGreaterThanOrEqual(exact * (1 - 1e-6) - 1e-15);
        }
      });
});
