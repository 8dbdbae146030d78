/**
 * From Renyi to approximate differential privacy, at one order: Canonne, Kamath, Steinke, "The discrete Gaussian for
 * differential privacy" (2020), Proposition 12.
 */

/** The least epsilon that D_order <= rdp proves for `delta`; not below 0. */
export function rdpToEpsilon(order: number, rdp: number, delta: number): number {
  if (delta === 0) return rdp === 0 ? 0 : Number.POSITIVE_INFINITY;
  const epsilon = rdp + Math.log1p(-1 / order) - (Math.log(delta) + Math.log(order)) / (order - 1);
  return Math.max(0, epsilon);
}

/** The least delta that D_order <= rdp proves for `epsilon`; at most 1. */
export function rdpToDelta(order: number, rdp: number, epsilon: number): number {
  if (rdp === 0) return 0;
  const log = (order - 1) * (rdp - epsilon) - Math.log(order - 1) + order * Math.log1p(-1 / order);
  return Math.min(1, Math.exp(log));
}
