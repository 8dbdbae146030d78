/**
 * The Renyi divergence bound for a Gaussian on a batch of fixed size without replacement: Wang, Balle, Kasiviswanathan,
 * "Subsampled Renyi differential privacy and analytical moments accountant" (2019), Theorem 27.
 */
import { LogSum, logBinomial, logExpm1 } from '../../numeric/log-space.js';

/**
 * Past this order of differences the simpler half of the minimum is used; it is the smaller one there, but for huge
 * noise.
 */
const mostDifferences = 256;

/**
 * A bound on D_a for every real order, for replaced records. Between whole orders (a-1) D_a is interpolated: it is
 * convex.
 */
export class FixedSizeGaussian {
  readonly #q: number;
  readonly #sigma: number;
  readonly #differences = new Map<number, number>();
  readonly #whole = new Map<number, number>();

  /**
   * @param q batch size over data-set size, in (0, 1)
   * @param sigma standard deviation over the l2 sensitivity to a replaced record
   */
  constructor(q: number, sigma: number) {
    this.#q = q;
    this.#sigma = sigma;
  }

  rdp(order: number): number {
    const below = Math.floor(order);
    const share = order - below;
    const low = below === 1 ? 0 : this.#logMoment(below);
    return (share === 0 ? low : (1 - share) * low + share * this.#logMoment(below + 1)) / (order - 1);
  }

  #logMoment(order: number): number {
    const kept = this.#whole.get(order);
    if (kept !== undefined) return kept;
    const sum = new LogSum();
    const logQ = Math.log(this.#q);
    const precision = 1 / (this.#sigma * this.#sigma);
    const second = Math.min(Math.log(4) + logExpm1(precision), Math.LN2 + precision);
    for (let j = 2; j <= order; j += 1) {
      const plain = Math.LN2 + (j * (j - 1) * precision) / 2;
      const factor = j === 2 ? second : j > mostDifferences ? plain : Math.min(plain, this.#middle(j));
      sum.add(j * logQ + logBinomial(order, j) + factor);
    }
    const excess = sum.log;
    const moment = excess > 30 ? excess + Math.log1p(Math.exp(-excess)) : Math.log1p(Math.exp(excess));
    this.#whole.set(order, moment);
    return moment;
  }

  /** ln(4 sqrt(B(2 floor(j/2)) B(2 ceil(j/2)))). */
  #middle(j: number): number {
    return Math.log(4) + 0.5 * (this.#difference(2 * Math.floor(j / 2)) + this.#difference(2 * Math.ceil(j / 2)));
  }

  /**
   * ln B(l) for even l: the l-th forward difference of e^(i(i-1)/(2 s^2)) at 0. As an alternating sum it loses every
   * digit; it is also the expectation of (1 - r)^l, r the likelihood ratio, whose integrand is positive.
   */
  #difference(l: number): number {
    const kept = this.#differences.get(l);
    if (kept !== undefined) return kept;
    const sigma = this.#sigma;
    const variance = sigma * sigma;
    const step = sigma / 5;
    const sum = new LogSum();
    for (let i = Math.floor((-10 * sigma) / step); i <= Math.ceil((l + 10 * sigma) / step); i += 1) {
      const x = i * step;
      const y = (2 * x - 1) / (2 * variance);
      sum.add(
        (-x * x) / (2 * variance) + l * (y > 30 ? y + Math.log1p(-Math.exp(-y)) : Math.log(Math.abs(Math.expm1(y)))),
      );
    }
    const value = sum.log + Math.log(step / (sigma * Math.sqrt(2 * Math.PI)));
    this.#differences.set(l, value);
    return value;
  }
}
