/** Arithmetic on logarithms, for sums whose terms overflow or underflow a double. */

/** ln(e^a + e^b). */
export function logAdd(a: number, b: number): number {
  if (a === b) return a + Math.LN2;
  return a > b ? a + Math.log1p(Math.exp(b - a)) : b + Math.log1p(Math.exp(a - b));
}

/** ln(e^a - e^b); -Infinity where a <= b. */
export function logSubtract(a: number, b: number): number {
  return a > b ? a + log1mExp(b - a) : Number.NEGATIVE_INFINITY;
}

/** ln(1 - e^x) for x < 0, accurate at both ends (Maechler 2012). */
export function log1mExp(x: number): number {
  return x > -Math.LN2 ? Math.log(-Math.expm1(x)) : Math.log1p(-Math.exp(x));
}

/** ln(e^x - 1) for x > 0. */
export function logExpm1(x: number): number {
  return x < 30 ? Math.log(Math.expm1(x)) : x + Math.log1p(-Math.exp(-x));
}

/** ln(e^x) where x is what `Math.log1p` of it is wanted from: ln(1 + e^x), without overflow. */
export function log1pExp(x: number): number {
  return x > 0 ? x + Math.log1p(Math.exp(-x)) : Math.log1p(Math.exp(x));
}

/** A sum of positive terms given by their logarithms, rescaled as it grows. */
export class LogSum {
  #top = Number.NEGATIVE_INFINITY;
  #sum = 0;
  #lost = 0;

  /** Adds e^`log`. Terms are added with Neumaier's compensation. */
  add(log: number): void {
    if (log === Number.NEGATIVE_INFINITY) return;
    if (log > this.#top) {
      const shrink = Math.exp(this.#top - log);
      this.#sum *= shrink;
      this.#lost *= shrink;
      this.#top = log;
    }
    const term = Math.exp(log - this.#top);
    const sum = this.#sum + term;
    this.#lost += this.#sum >= term ? this.#sum - sum + term : term - sum + this.#sum;
    this.#sum = sum;
  }

  /** The logarithm of the sum; -Infinity for no terms. */
  get log(): number {
    return this.#sum === 0 ? Number.NEGATIVE_INFINITY : this.#top + Math.log(this.#sum + this.#lost);
  }

  /** The logarithm of the largest term so far. */
  get largest(): number {
    return this.#top;
  }
}

const stirling = [1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156, -3617 / 122400];

/** ln of the gamma function for x > 0: Stirling's series, moved to x >= 10 by the recurrence. */
export function logGamma(x: number): number {
  let shift = 1;
  let z = x;
  while (z < 10) {
    shift *= z;
    z += 1;
  }
  const inverse = 1 / z;
  let series = 0;
  for (let i = stirling.length - 1; i >= 0; i -= 1) series = series * inverse * inverse + (stirling[i] ?? 0);
  return (z - 0.5) * Math.log(z) - z + 0.5 * Math.log(2 * Math.PI) + series * inverse - Math.log(shift);
}

/** ln of the binomial coefficient n over k, for real n >= k >= 0. */
export function logBinomial(n: number, k: number): number {
  if (k === 0 || k === n) return 0;
  return logGamma(n + 1) - logGamma(k + 1) - logGamma(n - k + 1);
}
