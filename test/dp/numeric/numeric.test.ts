import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { skellamMasses } from '../../../src/dp/numeric/bessel.js';
import { erf, erfc, erfcx, logNormalTail, normalTail } from '../../../src/dp/numeric/erfc.js';
import { fftError, forwardReal, inverseReal } from '../../../src/dp/numeric/fft.js';
import { LogSum, log1mExp, logAdd, logBinomial, logGamma, logSubtract } from '../../../src/dp/numeric/log-space.js';
import { discreteGaussianVariance, discreteLaplaceVariance } from '../../../src/dp/numeric/moments.js';
import { rootBetween } from '../../../src/dp/numeric/root.js';

const near = (value: number, wanted: number, relative: number): void => {
  expect(Math.abs(value - wanted)).toBeLessThanOrEqual(relative * Math.abs(wanted));
};

/** mpmath 1.3.0 at 40 digits, rounded to doubles: x, erfc(x), e^(x^2) erfc(x). */
const tails: readonly (readonly [number, number, number])[] = [
  [0.1, 0.887537083981715, 0.8964569799691267],
  [1, 0.15729920705028513, 0.427583576155807],
  [3.9, 3.4792248597231765e-8, 0.14031418160068973],
  [6, 2.1519736712498913e-17, 0.09277656780053835],
  [20, 5.395865611607901e-176, 0.02817434874105132],
];

describe('the error function', () => {
  it('agrees with 40 digits', () => {
    for (const [x, value, scaled] of tails) {
      near(erfc(x), value, 1e-13);
      near(erfcx(x), scaled, 1e-14);
      near(erf(x), 1 - value, 1e-15);
      near(erfc(-x), 2 - value, 1e-15);
    }
  });

  it('continues in logarithms where the tail underflows', () => {
    near(logNormalTail(10), Math.log(normalTail(10)), 1e-13);
    expect(normalTail(60)).toBe(0);
    // -z^2/2 - ln(z sqrt(2 pi)) - 1/z^2, to second order.
    near(logNormalTail(1000), -500000 - Math.log(1000 * Math.sqrt(2 * Math.PI)) - 1e-6, 1e-12);
  });
});

describe('the Fourier transform', () => {
  it('inverts itself, and errs less than its bound', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 3, max: 11 }),
        fc.infiniteStream(fc.double({ min: -1, max: 1, noNaN: true })),
        (bits, stream) => {
          const n = 2 ** bits;
          const values = Float64Array.from({ length: n }, () => stream.next().value as number);
          const { re, im } = forwardReal(values);
          const sum = values.reduce((total, value) => total + Math.abs(value), 0);
          const bound = fftError(n) * sum;
          for (const k of [0, 1, n / 4, n / 2 - 1, n / 2]) {
            let wantRe = 0;
            let wantIm = 0;
            for (let j = 0; j < n; j += 1) {
              const angle = (2 * Math.PI * ((j * k) % n)) / n;
              wantRe += (values[j] as number) * Math.cos(angle);
              wantIm -= (values[j] as number) * Math.sin(angle);
            }
            expect(Math.hypot((re[k] as number) - wantRe, (im[k] as number) - wantIm)).toBeLessThanOrEqual(
              2 * bound + 1e-15,
            );
          }
          const back = inverseReal({ length: n, re, im });
          back.forEach((value, j) => {
            expect(Math.abs(value - (values[j] as number))).toBeLessThan(1e-14 * (1 + sum));
          });
        },
      ),
      { numRuns: 40 },
    );
  });

  it('refuses other lengths', () => {
    for (const length of [0, 4, 12, 1000]) expect(() => forwardReal(new Float64Array(length))).toThrow(/power of two/);
  });
});

describe('logarithms', () => {
  it('adds, subtracts and sums without overflow', () => {
    near(logAdd(1000, 1000), 1000 + Math.LN2, 1e-15);
    near(logSubtract(1000, 999), 1000 + log1mExp(-1), 1e-15);
    const sum = new LogSum();
    expect(sum.log).toBe(Number.NEGATIVE_INFINITY);
    for (let i = 0; i < 1000; i += 1) sum.add(700 + Math.log(i + 1));
    near(sum.log, 700 + Math.log(500500), 1e-15);
  });

  it('knows factorials', () => {
    let factorial = 1;
    for (let n = 1; n < 100; n += 1) {
      factorial *= n;
      expect(Math.abs(logGamma(n + 1) - Math.log(factorial))).toBeLessThan(1e-14 * (1 + n));
    }
    near(logBinomial(40, 20), Math.log(137846528820), 1e-14);
  });
});

describe('distributions', () => {
  it('has Skellam masses that are a distribution of the right variance', () => {
    for (const variance of [0.01, 0.5, 3, 27.7, 1e4]) {
      const masses = skellamMasses(variance);
      let sum = masses[0] as number;
      let square = 0;
      for (let k = 1; k < masses.length; k += 1) {
        sum += 2 * (masses[k] as number);
        square += 2 * k * k * (masses[k] as number);
      }
      near(sum, 1, 1e-13);
      near(square, variance, 1e-12);
    }
    // e^-1 I_0(1) and e^-1 I_1(1).
    near(skellamMasses(1)[0] as number, 0.46575960759364043, 1e-14);
    near(skellamMasses(1)[1] as number, 0.20791041534970844, 1e-14);
  });

  it('knows the variances of integer noise', () => {
    near(discreteGaussianVariance(4), 4, 1e-12);
    expect(discreteGaussianVariance(0.05)).toBeLessThan(1e-3);
    near(discreteLaplaceVariance(1e5), 2e10, 1e-9);
  });
});

describe('roots', () => {
  it('stays in the bracket and finds hard roots', () => {
    near(
      rootBetween((x) => x ** 9 - 1e-9, 0, 5, { relative: 1e-14 }),
      0.1,
      1e-10,
    );
    near(
      rootBetween((x) => Math.exp(30 * x) - 7, -2, 2, { relative: 1e-15 }),
      Math.log(7) / 30,
      1e-12,
    );
    expect(rootBetween((x) => x + 5, 0, 1)).toBe(0);
  });
});
