import type { PrivacyEvent } from '../../events/event.js';
import { checkRelation, type DefaultRelation, type Relation } from '../../neighboring.js';
import { type Accountant, type Bounds, checkDelta, checkEpsilon, checkRelationOf } from '../accountant.js';
import { primitives } from '../primitives.js';
import { rdpToDelta, rdpToEpsilon } from './conversion.js';
import { type RdpCurve, rdpCurve } from './curves.js';
import { checkOrders, searchOrders } from './orders.js';

interface Part {
  readonly curve: RdpCurve;
  readonly count: number;
}

/** Options of an `RdpAccountant`. */
export interface RdpOptions<R extends Relation> {
  /** Default `addOrRemoveOne`. */
  readonly relation?: R;
  /** The orders to choose from. Where none are given, the best real order is searched for. */
  readonly orders?: readonly number[];
}

/**
 * Renyi differential privacy (Mironov 2017): exact moments of each release, added up at every order, and the best order
 * taken. Proves upper bounds only, so `lower` is 0 and `estimate` equals `upper`.
 */
export class RdpAccountant<R extends Relation = DefaultRelation> implements Accountant<R> {
  readonly relation: R;
  readonly #options: RdpOptions<R>;
  readonly #parts: readonly Part[];

  /**
   * An accountant of nothing; `parts` is for `compose`.
   *
   * @throws UsageError for an unknown relation or orders that are not above 1.
   */
  constructor(options: RdpOptions<R> = {}, parts: readonly Part[] = []) {
    // Where it is left out, R is the default.
    this.relation = checkRelation(options.relation ?? 'addOrRemoveOne') as R;
    const orders = options.orders === undefined ? {} : { orders: checkOrders(options.orders) };
    this.#options = { relation: this.relation, ...orders };
    this.#parts = parts;
  }

  compose(event: PrivacyEvent<R>, count = 1): RdpAccountant<R> {
    checkRelationOf(this, event);
    const added = primitives(event, count).map((one) => ({ curve: rdpCurve(one.event), count: one.count }));
    return new RdpAccountant<R>(this.#options, [...this.#parts, ...added]);
  }

  /** D_order of everything composed. */
  rdp(order: number): number {
    return this.#parts.reduce((sum, { curve, count }) => sum + count * curve.at(order), 0);
  }

  epsilon(delta: number): Bounds {
    checkDelta(delta);
    return upperOnly(this.#best((order) => rdpToEpsilon(order, this.rdp(order), delta)));
  }

  epsilonBound(delta: number): number {
    return this.epsilon(delta).upper;
  }

  delta(epsilon: number): Bounds {
    checkEpsilon(epsilon);
    return upperOnly(this.#best((order) => rdpToDelta(order, this.rdp(order), epsilon)));
  }

  /** The least value of a conversion over the orders that are allowed. */
  #best(value: (order: number) => number): number {
    if (this.#parts.length === 0) return 0;
    const given = this.#options.orders;
    const whole = this.#parts.some(({ curve }) => curve.wholeOrders);
    const orders = (given ?? searchOrders).filter((order) => !whole || Number.isInteger(order));
    if (orders.length === 0) return Number.POSITIVE_INFINITY;
    if (!this.#parts.every(({ curve }) => curve.convex)) return Math.min(...orders.map(value));
    const at = leastOfUnimodal(orders, value);
    // The search is over, or each bound between neighbors is one too.
    if (given !== undefined || whole) return value(orders[at] as number);
    return leastBetween(
      orders[Math.max(0, at - 1)] as number,
      orders[Math.min(orders.length - 1, at + 1)] as number,
      value,
    );
  }
}

/**
 * The position of the least value. With t = order - 1, f(t)/t is minimized where f, a sum of (order-1) D and of the
 * conversion's t ln t - (t+1) ln(t+1), is convex: so the value falls, then rises.
 */
function leastOfUnimodal(orders: readonly number[], value: (order: number) => number): number {
  let low = 0;
  let high = orders.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    const here = value(orders[middle] as number);
    const next = value(orders[middle + 1] as number);
    // Where both are clipped to zero, or both are infinite, the lower side is as good or is the cheaper one to look at.
    if (here <= next || Number.isNaN(next)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/**
 * Golden-section search on the logarithm of order - 1; the value near the least is flat, so 1e-5 is enough for 1e-10.
 */
function leastBetween(low: number, high: number, value: (order: number) => number): number {
  const golden = (Math.sqrt(5) - 1) / 2;
  const at = (t: number): number => value(1 + Math.exp(t));
  let a = Math.log(low - 1);
  let b = Math.log(high - 1);
  let c = b - golden * (b - a);
  let d = a + golden * (b - a);
  let atC = at(c);
  let atD = at(d);
  let best = Math.min(value(low), value(high), atC, atD);
  while (b - a > 3e-5) {
    if (atC <= atD) {
      b = d;
      d = c;
      atD = atC;
      c = b - golden * (b - a);
      atC = at(c);
    } else {
      a = c;
      c = d;
      atC = atD;
      d = a + golden * (b - a);
      atD = at(d);
    }
    best = Math.min(best, atC, atD);
  }
  return best;
}

function upperOnly(upper: number): Bounds {
  return { lower: 0, estimate: upper, upper };
}
