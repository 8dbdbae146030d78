/**
 * Zero-concentrated differential privacy (Bun, Steinke 2016): one number, the slope rho of D_a <= xi + rho a, added up.
 */
import type { PrivacyEvent } from '../events/event.js';
import { checkRelation, type DefaultRelation, movement, type Relation } from '../neighboring.js';
import { type Accountant, type Bounds, checkDelta, checkEpsilon, checkRelationOf, unsupported } from './accountant.js';
import { type Primitive, primitives } from './primitives.js';
import { rdpToDelta, rdpToEpsilon } from './rdp/conversion.js';

interface Concentration {
  readonly rho: number;
  readonly xi: number;
}

/**
 * Adds up rho. Looser than the RDP accountant on samples, which it refuses, and as tight on Gaussians. Converts at the
 * best real order; proves upper bounds only.
 */
export class ZcdpAccountant<R extends Relation = DefaultRelation> implements Accountant<R> {
  readonly relation: R;
  /** The slope of the divergence in the order. */
  readonly rho: number;
  /** The divergence at order 0. */
  readonly xi: number;

  /**
   * An accountant of nothing, or of (`xi`, `rho`)-concentrated releases so far.
   *
   * @throws UsageError for an unknown relation.
   */
  constructor(options: { readonly relation?: R; readonly rho?: number; readonly xi?: number } = {}) {
    // Where it is left out, R is the default.
    this.relation = checkRelation(options.relation ?? 'addOrRemoveOne') as R;
    this.rho = options.rho ?? 0;
    this.xi = options.xi ?? 0;
  }

  compose(event: PrivacyEvent<R>, count = 1): ZcdpAccountant<R> {
    checkRelationOf(this, event);
    let { rho, xi } = this;
    for (const one of primitives(event, count)) {
      const added = concentration(one.event);
      rho += one.count * added.rho;
      xi += one.count * added.xi;
    }
    return new ZcdpAccountant<R>({ relation: this.relation, rho, xi });
  }

  epsilon(delta: number): Bounds {
    return upperOnly(zcdpToEpsilon({ rho: this.rho, xi: this.xi, delta }));
  }

  epsilonBound(delta: number): number {
    return this.epsilon(delta).upper;
  }

  delta(epsilon: number): Bounds {
    checkEpsilon(epsilon);
    if (this.rho === 0 && this.xi === 0) return upperOnly(0);
    return upperOnly(atBestOrder((order) => rdpToDelta(order, this.xi + this.rho * order, epsilon)));
  }
}

/**
 * The least epsilon that (xi, rho)-concentration proves, over all real orders.
 *
 * @throws UsageError unless delta is from 0 to 1.
 */
export function zcdpToEpsilon(options: { readonly rho: number; readonly xi?: number; readonly delta: number }): number {
  const { rho, xi = 0, delta } = options;
  checkDelta(delta);
  if (rho === 0 && xi === 0) return 0;
  return atBestOrder((order) => rdpToEpsilon(order, xi + rho * order, delta));
}

/** The least value over orders, which falls and then rises, by golden section on ln(order - 1). */
function atBestOrder(value: (order: number) => number): number {
  const golden = (Math.sqrt(5) - 1) / 2;
  let low = Math.log(1e-9);
  let high = Math.log(1e15);
  const at = (t: number): number => value(1 + Math.exp(t));
  while (high - low > 1e-6) {
    const c = high - golden * (high - low);
    const d = low + golden * (high - low);
    if (at(c) <= at(d)) high = d;
    else low = c;
  }
  return at((low + high) / 2);
}

function concentration(event: Primitive): Concentration {
  switch (event.kind) {
    case 'gaussian':
      return { rho: (movement(event.relation) / event.noiseMultiplier) ** 2 / 2, xi: 0 };
    case 'discreteGaussian':
      if (event.tau > 0) throw unsupported('zCDP', event, 'noise that is not quite discrete Gaussian; use RDP');
      return { rho: (movement(event.relation) * event.contribution) ** 2 / (2 * event.sigmaSquared), xi: 0 };
    case 'laplace':
      return pure(movement(event.relation) / event.noiseMultiplier);
    case 'discreteLaplace':
      return pure((movement(event.relation) * event.contribution) / event.scale);
    case 'randomizedResponse':
      return pure(Math.log1p(((1 - event.noise) * event.buckets) / event.noise));
    case 'exponential':
      return { rho: event.epsilon ** 2 / 8, xi: 0 };
    case 'zcdp':
      return { rho: event.rho, xi: event.xi };
    case 'epsilonDelta':
      if (event.delta === 0) return pure(event.epsilon);
      throw unsupported('zCDP', event, 'delta must be 0');
    default:
      throw unsupported('zCDP', event, 'samples are not concentrated; use the RDP or the PLD accountant');
  }
}

/** Pure epsilon privacy is (epsilon^2/2)-concentrated (Bun, Steinke 2016, Proposition 1.4), and (epsilon, 0) too. */
function pure(epsilon: number): Concentration {
  return epsilon > 2 ? { rho: 0, xi: epsilon } : { rho: epsilon ** 2 / 2, xi: 0 };
}

function upperOnly(upper: number): Bounds {
  return { lower: 0, estimate: upper, upper };
}
