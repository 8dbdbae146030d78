import { checkInteger } from '../core/check.js';
import { PeerError, UsageError } from '../core/errors.js';
import { checkSuite, type SuiteId, suites } from '../crypto/suite.js';
import type { SessionContext } from './context.js';
import { limits } from './limits.js';
import {
  type Assumptions,
  chooseParameters,
  type ParameterOptions,
  parameterWeaknesses,
  type SessionParameters,
} from './parameters.js';

/** What a client demands of a session. A server proposes numbers; it can't lower these. */
export interface ClientPolicy {
  /** Least clients in the roster (n). */
  readonly minClients: number;
  /** Least seed shares needed to reconstruct (t). */
  readonly minThreshold: number;
  /** Least neighbors (k); a complete graph of fewer clients than that is refused too. */
  readonly minDegree: number;
  /** Least clients in the sum. */
  readonly minSurvivors: number;
  /** Suites the client takes part with. */
  readonly suites: readonly SuiteId[];
  /**
   * The client's own view of how many may collude and how sure it wants to be: n, k and t must hold up under it.
   * `dropout` counts as well, since the honest clients that stay must be connected.
   */
  readonly assumptions: Assumptions;
}

/** Holds against a malicious server with a tenth of the clients, in cohorts from eight clients on. */
export const defaultPolicy: ClientPolicy = {
  minClients: 8,
  minThreshold: 3,
  minDegree: 7,
  minSurvivors: 5,
  suites,
  assumptions: { corrupt: 0.1, dropout: 0.1, threat: 'malicious', securityBits: 40, grindingBits: 40 },
};

/** `overrides` over the default policy; throws `UsageError` for a floor, a suite or an assumption out of range. */
export function completePolicy(overrides: Partial<ClientPolicy> = {}): ClientPolicy {
  const policy = { ...defaultPolicy, ...overrides };
  checkInteger('policy.minClients', policy.minClients, 2, limits.clients);
  checkInteger('policy.minThreshold', policy.minThreshold, 1, limits.clients);
  checkInteger('policy.minDegree', policy.minDegree, 1, limits.clients);
  // Two is the least: the sum of one client is that client's input.
  checkInteger('policy.minSurvivors', policy.minSurvivors, 2, limits.clients);
  if (!Array.isArray(policy.suites) || policy.suites.length === 0)
    throw new UsageError('usage.range', 'policy.suites must name at least one suite');
  for (const suite of policy.suites) checkSuite(suite);
  // Refuses assumptions out of range now, not when the first roster comes.
  parameterWeaknesses({ n: 2, degree: 1, threshold: 1 }, policy.assumptions);
  return policy;
}

/**
 * Degree and threshold for a roster of `n` by `chooseParameters`, with the default policy's `minDegree` unless another
 * is given.
 */
export function parametersFor(assumptions: Omit<ParameterOptions, 'n'>, n: number): SessionParameters {
  return chooseParameters({ ...assumptions, n, minDegree: assumptions.minDegree ?? defaultPolicy.minDegree });
}

/** Throws `PeerError` (`policy.suite` or `policy.threat`) if the policy refuses what is offered. */
export function checkOffer(policy: ClientPolicy, context: SessionContext): void {
  if (!policy.suites.includes(context.suite))
    throw new PeerError(
      'policy.suite',
      `the session uses suite ${context.suite}, the policy allows ${policy.suites.join(', ')}`,
    );
  if (policy.assumptions.threat === 'malicious' && context.threat !== 'malicious')
    throw new PeerError('policy.threat', 'the session is made for a semi-honest server, the policy wants malicious');
}

/**
 * Throws `PeerError` (`policy.clients`, `.degree`, `.threshold` or `.parameters`) if the policy refuses the numbers.
 */
export function checkParameters(policy: ClientPolicy, parameters: SessionParameters): void {
  const { n, degree, threshold } = parameters;
  const floor = (code: string, what: string, value: number, name: keyof ClientPolicy): void => {
    const least = policy[name];
    if (typeof least === 'number' && value < least)
      throw new PeerError(
        code,
        `the session's ${what} is ${value}, policy.${name} is ${least}: wait for a larger cohort, or lower it if that is safe`,
      );
  };
  const weaknesses = parameterWeaknesses(parameters, policy.assumptions);
  const form = weaknesses.find(({ condition }) => condition === 'form');
  if (form !== undefined) throw new PeerError('policy.parameters', form.message);
  floor('policy.clients', 'number of clients (n)', n, 'minClients');
  floor('policy.degree', 'degree (k)', degree, 'minDegree');
  floor('policy.threshold', 'threshold (t)', threshold, 'minThreshold');
  const [weakness] = weaknesses;
  if (weakness !== undefined) throw new PeerError('policy.parameters', weakness.message);
}
