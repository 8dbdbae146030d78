import { describe } from '../../../core/check.js';
import { UsageError } from '../../../core/errors.js';

/**
 * 1.1 to 10.9 in tenths, 11 to 63, and 128, 256, 512, 1024: what other libraries use, so that results can be compared.
 */
export const defaultOrders: readonly number[] = Object.freeze([
  ...Array.from({ length: 99 }, (_, i) => (i + 11) / 10),
  ...Array.from({ length: 53 }, (_, i) => i + 11),
  128,
  256,
  512,
  1024,
]);

/**
 * Where the search starts when no orders are named: the same, and further out both ways, for very much or little noise.
 */
export const searchOrders: readonly number[] = Object.freeze([
  1.00001,
  1.0001,
  1.001,
  1.003,
  1.01,
  1.03,
  1.06,
  ...defaultOrders,
  2048,
  4096,
  16384,
  65536,
  262144,
  1048576,
  16777216,
  2 ** 28,
  2 ** 32,
]);

/**
 * Returns the orders, sorted and frozen.
 *
 * @throws UsageError unless they are finite numbers above 1, and at least one.
 */
export function checkOrders(orders: unknown): readonly number[] {
  if (!Array.isArray(orders) || orders.length === 0)
    throw new UsageError('usage.range', `orders must be a list of at least one number, got ${describe(orders)}`);
  const checked = orders.map((order: unknown): number => {
    if (typeof order !== 'number' || !(order > 1) || !Number.isFinite(order))
      throw new UsageError('usage.range', `orders must be finite numbers above 1, got ${describe(order)}`);
    return order;
  });
  return Object.freeze(checked.sort((a, b) => a - b));
}
