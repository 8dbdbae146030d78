import { checkInteger, checkNumber } from '../core/check.js';
import { UsageError } from '../core/errors.js';
import type { Assumptions, SessionParameters, Threat } from '../secagg/parameters.js';
import { parametersFor } from '../secagg/policy.js';

/** How k and t come about: chosen from assumptions, or given. */
export interface ParameterChoice {
  readonly threat: Threat;
  /**
   * What k and t are chosen for. Fraction of corrupt clients 0.1, fraction of dropouts as simulated, and
   * `chooseParameters`' own bits unless given.
   */
  readonly assumptions?: Partial<Omit<Assumptions, 'threat'>>;
  /** Neighbors of each client (k); as many as there are where it is more than that. Only with `threshold`. */
  readonly degree?: number;
  /** Seed shares needed to reconstruct (t). Only with `degree`. */
  readonly threshold?: number;
}

/** For the server: k and t for a roster of n. And for the clients: what they hold them against. */
export interface ParameterSource {
  readonly parametersFor: (n: number) => SessionParameters;
  readonly assumptions: Assumptions;
}

/** Throws `UsageError` (`usage.range`, or `usage.parameters` for a degree without a threshold). */
export function parameterSource(choice: ParameterChoice, clients: number, dropout: number): ParameterSource {
  const { threat, degree, threshold } = choice;
  if (degree === undefined && threshold === undefined) {
    const assumptions = { corrupt: 0.1, dropout, ...choice.assumptions, threat };
    checkNumber('assumptions.corrupt', assumptions.corrupt, 0, 1);
    checkNumber('assumptions.dropout', assumptions.dropout, 0, 1);
    return {
      assumptions,
      parametersFor: (n) => parametersFor(assumptions, n),
    };
  }
  if (degree === undefined || threshold === undefined)
    throw new UsageError('usage.parameters', 'degree and threshold go together: give both, or neither');
  checkInteger('degree', degree, 1, Number.MAX_SAFE_INTEGER);
  if (degree % 2 !== 0 && degree < clients - 1)
    throw new UsageError('usage.range', `degree must be even, or at least ${clients - 1}, got ${degree}`);
  checkInteger('threshold', threshold, 1, Math.min(degree, clients - 1));
  return {
    // Given numbers are taken at the caller's word: nobody is corrupt.
    assumptions: { corrupt: 0, dropout: 0, threat, securityBits: 1, grindingBits: 0 },
    parametersFor: (n) => {
      const possible = Math.min(degree, n - 1);
      if (threshold > possible)
        throw new UsageError('usage.range', `threshold ${threshold} is more than the ${possible} neighbors there are`);
      return { n, degree: possible, threshold };
    },
  };
}
