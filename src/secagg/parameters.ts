/**
 * How many neighbors a client has and how many seed shares it takes to reconstruct: the three conditions, the search
 * for the least degree that meets them, and the check that a client runs on what a server proposes.
 */
import { checkChoice, checkInteger, checkNumber, describe } from '../core/check.js';
import { UsageError } from '../core/errors.js';
import { isLawfulDegree, MAX_CLIENTS, MAX_DEGREE } from './graph.js';
import { leastTailBound, log2UpperTail } from './tails.js';

/** Whether the server follows the protocol and only looks (`semi-honest`), or may also lie (`malicious`). */
export type Threat = 'semi-honest' | 'malicious';

/** What is assumed of a cohort, and how sure one wants to be. */
export interface Assumptions {
  /** Fraction of clients that collude with the server (gamma), 0 <= corrupt < 1. */
  readonly corrupt: number;
  /** Fraction of clients that drop out (delta), 0 <= dropout < 1. */
  readonly dropout: number;
  readonly threat: Threat;
  /** sigma, 1 to 256: privacy fails with probability at most 2^-sigma. 40 unless given. */
  readonly securityBits?: number;
  /** eta, 1 to 256: too few neighbors survive with probability below 2^-eta. 30 unless given. */
  readonly correctnessBits?: number;
  /** Added to sigma, 0 to 256: a server can try 2^grindingBits rosters until the graph suits it. 40 unless given. */
  readonly grindingBits?: number;
}

/** `Assumptions` about a cohort of `n` clients, 2 to `MAX_CLIENTS`. */
export interface ParameterOptions extends Assumptions {
  readonly n: number;
  /**
   * Least degree to choose, 1 to `MAX_DEGREE`; 2 unless given. Small cohorts can want a floor, since floor(corrupt * n)
   * may be 0 there. Where no sparse graph has that many neighbors, the complete one is chosen.
   */
  readonly minDegree?: number;
}

/** The numbers of a session that its context binds. */
export interface SessionParameters {
  /** Clients in the cohort. */
  readonly n: number;
  /** Neighbors of each client (k): n - 1 (the complete graph), or even and less. */
  readonly degree: number;
  /** Seed shares needed to reconstruct (t), 1 to `degree`. */
  readonly threshold: number;
}

/** One condition that proposed parameters don't meet. */
export interface ParameterWeakness {
  /**
   * - `form`: no session can have these numbers. Nothing else is reported then. `actual` is the number at fault.
   * - `connected`: the graph of honest survivors may fall apart. In log2 of a probability, `actual` above `limit`.
   * - `collusion`: so many neighbors of a client may collude that no threshold protects it at this degree: `actual` is
   *   the least threshold that would, above `limit`, the degree.
   * - `threshold`: it is too low for the neighbors that may collude: `actual` below `limit`.
   * - `correctness`: too few neighbors may survive. In log2 of a probability, `actual` above `limit`.
   */
  readonly condition: 'form' | 'connected' | 'collusion' | 'threshold' | 'correctness';
  readonly actual: number;
  readonly limit: number;
  readonly message: string;
}

/** `Assumptions` in counts of clients and in the log2 of what may go wrong. */
interface Demands {
  readonly n: number;
  readonly threat: Threat;
  /** floor(corrupt * n), at most n - 1: someone is honest. */
  readonly corrupt: number;
  /** floor(dropout * n), at most n - 1. */
  readonly dropped: number;
  /** log2 of the probability allowed to each of the two privacy conditions: -(sigma + 1). */
  readonly log2Privacy: number;
  /** log2 of the probability allowed to each client for condition (3): -eta - log2 n. */
  readonly log2Correctness: number;
  /** Least degree to choose. */
  readonly minDegree: number;
}

/**
 * The least degree k, and for it the least threshold t, that meet three conditions with a = floor(corrupt * n) corrupt
 * clients, d = floor(dropout * n) dropouts and sigma = securityBits + grindingBits: the three events that Bell et al.
 * 2020 (eprint 2020/704, section 3) ask a graph to make likely, for their Harary ring under a random permutation.
 *
 * 1. *The graph of honest survivors is connected*, but for a probability of at most 2^-(sigma+1). What cuts a Harary
 *    ring in two holds two disjoint runs of k/2 clients in a row with somebody left on either side of both; there are
 *    n(n-k-1)/2 such pairs of runs; and under a random permutation the k clients of a pair are all among the a + d that
 *    are corrupt or dropped with probability C(a+d, k) / C(n, k). So the condition, a union bound, is
 *    n(n-k-1)/2 * C(a+d, k) / C(n, k) <= 2^-(sigma+1).
 * 2. *No honest client has more than c corrupt neighbors*, but for 2^-(sigma+1): c is the least integer with
 *    Pr[Hyp(n-1, a, k) > c] <= 2^-(sigma+1) / n. They must not reconstruct (semi-honest: t >= c+1), nor, where the
 *    server may tell neighbors different things, both seeds of one client (malicious: a corrupt neighbor reveals both
 *    of its shares and an honest one either, so 2t > k+c: the 2t > n + corrupt of Bonawitz et al. 2017, per
 *    neighborhood).
 * 3. *At least t neighbors of every survivor survive*, but for 2^-eta: Pr[Hyp(n-1, d, k) > k-t] < 2^-eta / n.
 *
 * k is even, from 2 to n - 2; where none serves, it is n - 1, the complete graph, which can't fall apart, with
 * t > corrupt * n (semi-honest) or 2t > n + corrupt * n (malicious), and n-1-d >= t. In either, t is at least 2 where
 * there are 2 neighbors: with 1, a seed share is the seed. So n = 2 is lawful only semi-honest with nobody corrupt or
 * dropped (k = t = 1); n = 3, semi-honest with at most one corrupt and nobody dropped, or malicious with neither
 * (k = t = 2).
 *
 * Condition (1) takes the dropouts to be independent of the graph. A malicious server picks them when it knows the
 * graph. What then holds is what (2) gives: an honest client reveals only with t signatures, so at least t-c honest
 * neighbors are in the same sum through masks that nobody else knows. The server learns no sum of fewer than t-c+1
 * honest clients, but it may learn several such sums instead of one.
 *
 * Monotone: raising `corrupt`, `dropout`, `securityBits`, `correctnessBits` or `grindingBits`, or going from
 * semi-honest to malicious, never lowers the degree nor the threshold, and never makes a refused request lawful. Each
 * narrows the set of degrees that serve (a, d and sigma raise the bound of (1) or lower its limit; a and sigma raise c,
 * hence the least t; that, d and eta make (3) harder), and at any degree the least t doesn't fall; it doesn't fall with
 * the degree either, since c doesn't. Nothing of the sort holds in n (floor(corrupt * n) jumps), nor for the ratio t/k.
 *
 * floor(x * n) is computed as floor(x * n * (1 + 2^-50)), so that 0.29 of 100 is 29 though 0.29 * 100 < 29 in doubles.
 * Probabilities are rounded up. Takes some milliseconds, also for n = 10^6.
 *
 * @throws UsageError `usage.range` or `usage.choice` where an option is out of range; `parameters.impossible` where
 *   nothing meets the conditions, saying what to lower
 */
export function chooseParameters(options: ParameterOptions): SessionParameters {
  const n = checkInteger('n', options?.n, 2, MAX_CLIENTS);
  const minDegree = checkInteger('minDegree', options.minDegree ?? 2, 1, MAX_DEGREE);
  const demands = { ...checkAssumptions(n, options), minDegree };
  const parameters = solve(demands);
  if (parameters === undefined) throw new UsageError('parameters.impossible', refusal(demands));
  return parameters;
}

/**
 * Which conditions of `chooseParameters` proposed parameters don't meet under a client's own assumptions, with numbers;
 * empty where they are at least as strong as the policy. A client runs it on what the server proposes, and refuses.
 *
 * A higher threshold or degree than the least is no weakness. Condition (3) is about whether a session succeeds, not
 * about anybody's privacy: it is reported with `{ correctness: true }` only.
 *
 * The parameters may come from a peer: numbers that no session can have are reported, not thrown.
 *
 * @throws UsageError where an assumption is out of range
 */
export function parameterWeaknesses(
  parameters: SessionParameters,
  assumptions: Assumptions,
  options: { readonly correctness?: boolean } = {},
): readonly ParameterWeakness[] {
  // Checked first, so that a caller's own mistake shows even where the peer's numbers have no form.
  checkAssumptions(2, assumptions);
  const malformed = formWeakness(parameters);
  if (malformed !== undefined) return [malformed];
  const demands = checkAssumptions(parameters.n, assumptions);
  const found = [connectedWeakness(parameters, demands), thresholdWeakness(parameters, demands)];
  if (options.correctness === true) found.push(correctnessWeakness(parameters, demands));
  return found.filter((weakness) => weakness !== undefined);
}

function checkAssumptions(n: number, assumptions: Assumptions): Demands {
  const belowOne = 1 - Number.EPSILON / 2;
  const corrupt = checkNumber('corrupt', assumptions?.corrupt, 0, belowOne);
  const dropout = checkNumber('dropout', assumptions.dropout, 0, belowOne);
  const threat = checkChoice<Threat>('threat', assumptions.threat, ['semi-honest', 'malicious']);
  const { securityBits = 40, correctnessBits = 30, grindingBits = 40 } = assumptions;
  const sigma = checkInteger('securityBits', securityBits, 1, 256) + checkInteger('grindingBits', grindingBits, 0, 256);
  return {
    n,
    threat,
    corrupt: countOf(corrupt, n),
    dropped: countOf(dropout, n),
    log2Privacy: -(sigma + 1),
    log2Correctness: -checkInteger('correctnessBits', correctnessBits, 1, 256) - Math.log2(n),
    minDegree: 2,
  };
}

/** floor(fraction * n), never one too few for the rounding of the fraction and the product; at most n - 1. */
function countOf(fraction: number, n: number): number {
  return Math.min(n - 1, Math.floor(fraction * n * (1 + 2 ** -50)));
}

/** Condition (1): log2 of the bound on the probability that the graph of honest survivors falls apart. */
function log2Disconnected({ n, corrupt, dropped }: Demands, degree: number): number {
  if (degree === n - 1) return -Infinity;
  const marked = Math.min(n, corrupt + dropped);
  const allMarked = log2UpperTail({ population: n, marked, drawn: degree }, degree - 1);
  return allMarked + Math.log2((n * (n - degree - 1)) / 2);
}

/** Condition (2): the least threshold that protects every honest client at this degree. It may be above the degree. */
function leastThreshold({ n, threat, corrupt, log2Privacy }: Demands, degree: number): number {
  const complete = degree === n - 1;
  const colluding = complete
    ? corrupt
    : leastTailBound({ population: n - 1, marked: corrupt, drawn: degree }, log2Privacy - Math.log2(n));
  const shares = complete ? n : degree;
  const least = threat === 'malicious' ? Math.floor((shares + colluding) / 2) + 1 : colluding + 1;
  return Math.max(least, Math.min(2, degree));
}

/** Condition (3): how many neighbors of every survivor survive, but for 2^-eta. */
function survivingNeighbors({ n, dropped, log2Correctness }: Demands, degree: number): number {
  return degree - leastTailBound({ population: n - 1, marked: dropped, drawn: degree }, log2Correctness);
}

function solve(demands: Demands): SessionParameters | undefined {
  return solveSparse(demands) ?? serving(demands, demands.n - 1);
}

function solveSparse(demands: Demands): SessionParameters | undefined {
  const last = Math.min(demands.n - 2, MAX_DEGREE) & ~1;
  let degree = Math.max(leastConnectedDegree(demands, last), demands.minDegree + (demands.minDegree % 2));
  while (degree <= last) {
    const missing = leastThreshold(demands, degree) - survivingNeighbors(demands, degree);
    if (missing <= 0) return serving(demands, degree);
    // A neighbor more adds one survivor at most and never lowers the threshold: nothing below degree + missing serves.
    degree += missing + (missing % 2);
  }
  return undefined;
}

/** The least even degree up to `last` that meets condition (1), or last + 2. Its bound falls as the degree grows. */
function leastConnectedDegree(demands: Demands, last: number): number {
  let low = 1;
  let high = last / 2 + 1;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (log2Disconnected(demands, 2 * middle) <= demands.log2Privacy) high = middle;
    else low = middle + 1;
  }
  return 2 * low;
}

/** The parameters at this degree, where its least threshold of shares survives. */
function serving(demands: Demands, degree: number): SessionParameters | undefined {
  if (degree > MAX_DEGREE) return undefined;
  const threshold = leastThreshold(demands, degree);
  return threshold <= survivingNeighbors(demands, degree) ? { n: demands.n, degree, threshold } : undefined;
}

/** What a request that nothing serves would have to lower. */
function refusal(demands: Demands): string {
  const { n, threat, corrupt, dropped } = demands;
  const most = (name: 'corrupt' | 'dropped'): number =>
    mostServed(demands[name], (count) => ({ ...demands, [name]: count }));
  const ways = [
    { name: 'corrupt', count: most('corrupt') },
    { name: 'dropout', count: most('dropped') },
  ].filter(({ count }) => count >= 0);
  const start = `no degree and threshold serve ${n} clients with ${corrupt} corrupt and ${dropped} dropouts, ${threat}`;
  if (solve({ ...demands, corrupt: 0, dropped: 0 }) === undefined)
    return `${start}: even with corrupt 0 and dropout 0 nothing does; raise n`;
  if (ways.length === 0) return `${start}: lower corrupt and dropout, one alone isn't enough`;
  const advice = ways.map(({ name, count }) => `${name} to at most ${count / n} (${count} of ${n})`);
  return `${start}: lower ${advice.join(', or ')}`;
}

/** The greatest count below `refused` that can be served, to a thousandth of n, or -1. Which can is monotone. */
function mostServed(refused: number, demandsAt: (count: number) => Demands): number {
  const step = Math.ceil(demandsAt(refused).n / 1_000);
  let served = -1;
  let above = Math.ceil(refused / step);
  while (above - served > 1) {
    const middle = Math.floor((served + above) / 2);
    if (solve(demandsAt(middle * step)) !== undefined) served = middle;
    else above = middle;
  }
  return served * step;
}

/** Why no session can have these numbers, or `undefined`. */
export function formWeakness(parameters: SessionParameters): ParameterWeakness | undefined {
  const { n, degree, threshold } = parameters ?? {};
  const weakness = (name: string, actual: unknown, limit: number, range: string): ParameterWeakness => ({
    condition: 'form',
    actual: typeof actual === 'number' ? actual : Number.NaN,
    limit,
    message: `${name} must be ${range}, got ${describe(actual)}`,
  });
  if (!Number.isInteger(n) || n < 2 || n > MAX_CLIENTS)
    return weakness('n', n, MAX_CLIENTS, `an integer from 2 to ${MAX_CLIENTS}`);
  if (!isLawfulDegree(n, degree))
    return weakness(
      'degree',
      degree,
      Math.min(n - 1, MAX_DEGREE),
      `n - 1 (${n - 1}) or even and less, up to ${MAX_DEGREE}`,
    );
  if (!Number.isInteger(threshold) || threshold < 1 || threshold > degree)
    return weakness('threshold', threshold, degree, `an integer from 1 to the degree, ${degree}`);
  return undefined;
}

function connectedWeakness({ degree }: SessionParameters, demands: Demands): ParameterWeakness | undefined {
  const actual = log2Disconnected(demands, degree);
  const limit = demands.log2Privacy;
  if (actual <= limit) return undefined;
  const chance = `up to 2^${Math.min(0, actual).toFixed(1)}, more than 2^${limit}`;
  return {
    condition: 'connected',
    actual,
    limit,
    message: `at degree ${degree} the honest survivors' graph falls apart with probability ${chance}; raise the degree`,
  };
}

function thresholdWeakness({ degree, threshold }: SessionParameters, demands: Demands): ParameterWeakness | undefined {
  const least = leastThreshold(demands, degree);
  if (least > degree)
    return {
      condition: 'collusion',
      actual: least,
      limit: degree,
      message: `at degree ${degree} the neighbors that may collude call for a threshold of ${least}; raise the degree`,
    };
  if (threshold >= least) return undefined;
  return {
    condition: 'threshold',
    actual: threshold,
    limit: least,
    message: `threshold ${threshold} is too low for the neighbors that may collude; raise it to at least ${least}`,
  };
}

function correctnessWeakness(
  { n, degree, threshold }: SessionParameters,
  demands: Demands,
): ParameterWeakness | undefined {
  const { dropped, log2Correctness: limit } = demands;
  const actual = log2UpperTail({ population: n - 1, marked: dropped, drawn: degree }, degree - threshold);
  if (actual <= limit) return undefined;
  const event = `fewer than ${threshold} of a client's ${degree} neighbors survive`;
  const chance = `up to 2^${actual.toFixed(1)}, not below 2^${limit.toFixed(1)}`;
  return {
    condition: 'correctness',
    actual,
    limit,
    message: `${event} with probability ${chance}; lower the threshold or raise the degree`,
  };
}
