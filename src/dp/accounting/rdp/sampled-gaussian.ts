/**
 * The Renyi divergence of the Poisson-sampled Gaussian, to within rounding, at every order.
 *
 * With mu_0 = N(0, s^2) and mu = (1-q) N(0, s^2) + q N(1, s^2), D_a = ln(A) / (a-1) with A = E_mu0[(mu/mu_0)^a]
 * (Mironov, Talwar, Zhang 2019, which also shows the other direction to be no larger). Both forms here compute A - 1 as
 * a sum of positive terms, so nothing cancels for small q, and no order is special.
 */
import { LogSum, logExpm1 } from '../../numeric/log-space.js';

/**
 * D_a of the Gaussian of noise multiplier `sigma` on a Poisson sample.
 *
 * @param q sampling probability, in (0, 1)
 * @param order a > 1; whole orders are summed by a finite series, others integrated
 */
export function sampledGaussianRdp(q: number, sigma: number, order: number): number {
  const logExcess = Number.isInteger(order) && order <= 4096 ? series(q, sigma, order) : integral(q, sigma, order);
  const logMoment = logExcess > 30 ? logExcess + Math.log1p(Math.exp(-logExcess)) : Math.log1p(Math.exp(logExcess));
  return logMoment / (order - 1);
}

/** ln(A - 1) = ln sum_{k>=2} C(a,k) q^k (1-q)^(a-k) (e^(k(k-1)/(2 s^2)) - 1), all terms positive. */
function series(q: number, sigma: number, order: number): number {
  const sum = new LogSum();
  const odds = q / (1 - q);
  const shared = order * Math.log1p(-q);
  // C(a,k) odds^k is kept as mantissa * e^exponent: products round less than differences of log-gammas.
  let mantissa = order * odds;
  let exponent = 0;
  for (let k = 2; k <= order; k += 1) {
    mantissa *= ((order - k + 1) / k) * odds;
    if (mantissa < 1e-150 || mantissa > 1e150) {
      exponent += Math.log(mantissa);
      mantissa = 1;
    }
    sum.add(Math.log(mantissa) + exponent + shared + logExpm1((k * (k - 1)) / (2 * sigma * sigma)));
  }
  return sum.log;
}

/**
 * ln(A - 1), A - 1 = integral of N(x; 0, s^2) g(u), u = q (e^((2x-1)/(2 s^2)) - 1), g = (1+u)^a - 1 - a u, since E[u] =
 * 0. The integrand is positive and analytic in a strip of half-width pi s^2, so the trapezoid rule converges
 * geometrically.
 */
function integral(q: number, sigma: number, order: number): number {
  const sum = new LogSum();
  const variance = sigma * sigma;
  const step = Math.min(sigma / 20, variance / 3);
  const first = Math.floor((-10 * sigma) / step);
  const last = Math.ceil((order + 10 * sigma) / step);
  const logQ = Math.log(q);
  for (let i = first; i <= last; i += 1) {
    const x = i * step;
    sum.add((-x * x) / (2 * variance) + logGap(q, logQ, (2 * x - 1) / (2 * variance), order));
  }
  return sum.log + Math.log(step / (sigma * Math.sqrt(2 * Math.PI)));
}

/** ln g at u = q (e^y - 1). */
function logGap(q: number, logQ: number, y: number, order: number): number {
  const b = order - 1;
  if (y > 300) {
    const logOne = y + logQ + Math.log1p(((1 - q) / q) * Math.exp(-y));
    return logOne + logExpm1(b * logOne) + Math.log1p(-b / Math.expm1(b * logOne));
  }
  const u = q * Math.expm1(y);
  if (Math.abs(u) < 0.3 && Math.abs(order * u) < 0.5) return Math.log(gapSeries(u, order));
  const power = b * Math.log1p(u);
  if (power > 600) return Math.log1p(u) + power;
  return Math.log((1 + u) * Math.expm1(power) - b * u);
}

/** (1+u)^a - 1 - a u by its binomial series, from the term in u^2 on. */
function gapSeries(u: number, order: number): number {
  let term = (order * (order - 1) * u * u) / 2;
  let sum = term;
  for (let k = 3; k < 80 && Math.abs(term) > 1e-18 * Math.abs(sum); k += 1) {
    term *= ((order - k + 1) / k) * u;
    sum += term;
  }
  return sum;
}
