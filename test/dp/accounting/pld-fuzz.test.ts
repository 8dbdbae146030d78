/**
 * Lower <= truth <= upper on random mechanisms, by the grid, against truths that know no grid: closed forms, and
 * numerical integrals. A failure prints fast-check's seed and the smallest counterexample; the seed here is fixed, so
 * that every run tries the same.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { gaussianDelta } from '../../../src/dp/accounting/analytic-gaussian.js';
import { DirectedComposition, type Question } from '../../../src/dp/accounting/pld/compose.js';
import { DoubledComposition } from '../../../src/dp/accounting/pld/doubling.js';
import type { DiscreteLoss, LossPart, SmoothLoss } from '../../../src/dp/accounting/pld/loss.js';
import { gaussianLoss, laplaceLoss, sampledAdd, sampledRemove } from '../../../src/dp/accounting/pld/smooth.js';
import { discreteGaussian, gaussian, PldAccountant, poissonSampled, RdpAccountant } from '../../../src/dp/index.js';
import { twoReleases } from './two-releases.js';

const seed = 20_240_601;
/** A grid fine enough for a rare loss takes seconds: few here, many by night. */
const numRuns = process.env.VEILSUM_NIGHTLY === '1' ? 300 : 8;
const timeout = 3_600_000;
/** A release that tells nothing: with it, one release is a composition, and goes through the grid. */
const nothing: DiscreteLoss = {
  kind: 'discrete',
  losses: Float64Array.of(0),
  p: Float64Array.of(1),
  infinite: 0,
  dropped: 0,
};

/** Numbers whose logarithm is uniform. */
const logarithmic = (least: number, most: number): fc.Arbitrary<number> =>
  fc.double({ min: Math.log(least), max: Math.log(most), noNaN: true }).map(Math.exp);

/** Rounding of the truths themselves. */
const slack = 1e-9;

interface Truth {
  /** Delta at any epsilon. */
  readonly delta: (epsilon: number) => number;
}

interface Bounded {
  readonly bounds: (question: Question) => { readonly lower: number; readonly upper: number };
}

/**
 * Both ways to compose: what `bounds` chooses, by transform where that will do; and doubling, whether or not it is
 * chosen.
 */
function waysOf(parts: readonly LossPart[]): readonly Bounded[] {
  const options = { cut: 1e-45, fineness: { perDeviation: 30, share: 1 / 60 } };
  const answer = (side: 'above' | 'below', question: Question): number => {
    const composition = new DoubledComposition(parts, side, options);
    return 'delta' in question ? composition.epsilon(question.delta) : composition.delta(question.epsilon);
  };
  const doubled = {
    bounds: (question: Question) => ({ lower: answer('below', question), upper: answer('above', question) }),
  };
  return [new DirectedComposition(parts, 4e-4), doubled];
}

/** Checks the bounds of both questions. */
function check(composition: Bounded, truth: Truth, at: { readonly epsilon: number; readonly delta: number }): void {
  const exact = truth.delta(at.epsilon);
  const byEpsilon = composition.bounds({ epsilon: at.epsilon });
  expect(byEpsilon.lower).toBeLessThanOrEqual(exact * (1 + slack) + 1e-290);
  expect(byEpsilon.upper).toBeGreaterThanOrEqual(exact * (1 - slack));
  const byDelta = composition.bounds({ delta: at.delta });
  expect(byDelta.lower).toBeLessThanOrEqual(byDelta.upper);
  if (byDelta.lower > 0) expect(truth.delta(byDelta.lower)).toBeGreaterThanOrEqual(at.delta * (1 - slack));
  if (Number.isFinite(byDelta.upper)) expect(truth.delta(byDelta.upper)).toBeLessThanOrEqual(at.delta * (1 + slack));
}

describe('random mechanisms, through the grid', () => {
  it(
    'Gaussians, one or many, against the closed form',
    () => {
      fc.assert(
        fc.property(
          logarithmic(1e-3, 30),
          fc.integer({ min: 1, max: 2000 }),
          fc.double({ min: -1, max: 6, noNaN: true }),
          logarithmic(1e-30, 0.1),
          (mu, count, deviations, delta) => {
            // Where the composed loss is, some deviations out: also far above 500.
            const whole = mu * Math.sqrt(count);
            fc.pre(whole < 60);
            const epsilon = Math.max(0, (whole * whole) / 2 + deviations * whole);
            const parts = [
              { loss: gaussianLoss(mu), count },
              { loss: nothing, count: 1 },
            ];
            for (const way of waysOf(parts)) check(way, { delta: (x) => gaussianDelta(whole, x) }, { epsilon, delta });
          },
        ),
        { seed, numRuns },
      );
    },
    timeout,
  );

  it(
    'one sampled release, against the closed form',
    () => {
      fc.assert(
        fc.property(
          logarithmic(1e-6, 0.9),
          logarithmic(0.3, 20),
          fc.constantFrom('gaussian', 'laplace'),
          fc.boolean(),
          fc.tuple(logarithmic(1e-4, 8), logarithmic(1e-12, 0.1)),
          (q, noise, kind, remove, [epsilon, delta]) => {
            const base = kind === 'gaussian' ? gaussianLoss(1 / noise) : laplaceLoss(1 / noise);
            const loss = remove ? sampledRemove(base, q) : sampledAdd(base, q);
            const parts = [
              { loss, count: 1 },
              { loss: nothing, count: 1 },
            ];
            for (const way of waysOf(parts)) check(way, loss, { epsilon, delta });
          },
        ),
        { seed, numRuns },
      );
    },
    timeout,
  );

  it(
    'a sampled Gaussian and another, against an integral over the outcome of the first',
    () => {
      fc.assert(
        fc.property(
          fc.tuple(logarithmic(1e-5, 0.9), logarithmic(0.5, 8)),
          fc.tuple(logarithmic(1e-5, 0.9), logarithmic(0.5, 8)),
          fc.boolean(),
          logarithmic(1e-3, 3),
          (one, other, remove, epsilon) => {
            const lossOf = ([q, sigma]: readonly [number, number]): SmoothLoss =>
              (remove ? sampledRemove : sampledAdd)(gaussianLoss(1 / sigma), q);
            const exact = twoReleases(one, lossOf(other), remove, epsilon);
            const parts = [
              { loss: lossOf(one), count: 1 },
              { loss: lossOf(other), count: 1 },
            ];
            for (const way of waysOf(parts)) {
              const { lower, upper } = way.bounds({ epsilon });
              expect(lower).toBeLessThanOrEqual(exact * (1 + 1e-5) + 1e-15);
              expect(upper).toBeGreaterThanOrEqual(exact * (1 - 1e-5) - 1e-15);
            }
          },
        ),
        { seed, numRuns },
      );
    },
    timeout,
  );

  it('fail where the truth is moved by two percent: the check has teeth', () => {
    const composition = new DirectedComposition(
      [
        { loss: gaussianLoss(0.1), count: 100 },
        { loss: nothing, count: 1 },
      ],
      4e-4,
    );
    for (const factor of [0.98, 1.02])
      expect(() =>
        check(composition, { delta: (x) => factor * gaussianDelta(1, x) }, { epsilon: 2, delta: 1e-5 }),
      ).toThrow();
    check(composition, { delta: (x) => gaussianDelta(1, x) }, { epsilon: 2, delta: 1e-5 });
  });
});

describe('epsilons far out', () => {
  it('are answered on both sides of where the loss is', () => {
    const mu = 31.6;
    const composition = new DirectedComposition(
      [
        { loss: gaussianLoss(1), count: 1000 },
        { loss: nothing, count: 1 },
      ],
      4e-4,
    );
    expect(composition.bounds({ epsilon: 1 }).lower).toBeGreaterThan(1 - 1e-9);
    for (const epsilon of [480, 520, 600, 700, 900]) {
      const exact = gaussianDelta(Math.sqrt(1000), epsilon);
      const { lower, upper } = composition.bounds({ epsilon });
      expect(lower).toBeLessThanOrEqual(exact * (1 + slack));
      expect(upper).toBeGreaterThanOrEqual(exact * (1 - slack));
      expect(upper / lower - 1).toBeLessThan(5e-3);
    }
    // What no double holds is nothing from below, and next to nothing from above.
    const beyond = composition.bounds({ epsilon: 500 + 60 * mu });
    expect(beyond.lower).toBe(0);
    expect(beyond.upper).toBeLessThan(1e-200);
  });
});

describe('discrete Gaussian noise in many dimensions', () => {
  /**
   * Delta of noise on two coordinates, each moved by `shift`, for a fraction q of the records, by the sum over all
   * outcomes.
   */
  function exactDelta(sigmaSquared: number, shift: number, q: number, epsilon: number): number {
    const reach = Math.ceil(12 * Math.sqrt(sigmaSquared)) + shift;
    const weight = (k: number): number => Math.exp((-k * k) / (2 * sigmaSquared));
    let total = 0;
    for (let k = -reach; k <= reach; k += 1) total += weight(k);
    let delta = 0;
    for (let a = -reach; a <= reach + shift; a += 1)
      for (let b = -reach; b <= reach + shift; b += 1) {
        const without = (weight(a) * weight(b)) / total ** 2;
        const moved = (weight(a - shift) * weight(b - shift)) / total ** 2;
        delta += Math.max(0, (1 - q) * without + q * moved - Math.exp(epsilon) * without);
      }
    return delta;
  }

  it.each([
    [30, 1, 1],
    [30, 3, 1],
    [12, 1, 1],
    [60, 4, 0.2],
    [200, 5, 0.05],
  ])('sigma^2 %d, moved by %d, q %d: costs no more than is said, and hardly less', (sigmaSquared, shift, q) => {
    const event = discreteGaussian({ sigmaSquared, contribution: shift * Math.SQRT2, dimension: 2 });
    const release = q === 1 ? event : poissonSampled({ samplingProbability: q, event });
    for (const epsilon of [0.1, 0.5]) {
      const exact = exactDelta(sigmaSquared, shift, q, epsilon);
      const { lower, upper } = new PldAccountant().compose(release).delta(epsilon);
      expect(lower).toBe(0);
      expect(upper).toBeGreaterThanOrEqual(exact * (1 - 1e-9));
      // What a few steps squared of the variance are worth.
      expect(upper).toBeLessThan(exact * 2.5);
      expect(new RdpAccountant().compose(release).delta(epsilon).upper).toBeGreaterThanOrEqual(exact * (1 - 1e-9));
    }
  });

  it('of many steps costs what Gaussian noise does', () => {
    const wide = discreteGaussian({ sigmaSquared: 1e8, contribution: 1e4, dimension: 1e6 });
    const smooth = gaussian({ noiseMultiplier: 1 });
    for (const q of [1, 0.01]) {
      const of = (event: typeof wide | typeof smooth) =>
        new PldAccountant().compose(poissonSampled({ samplingProbability: q, event }), 100).epsilon(1e-6).upper;
      expect(of(wide) / of(smooth)).toBeGreaterThanOrEqual(1);
      expect(of(wide) / of(smooth)).toBeLessThan(1.0001);
    }
  });
});
