/**
 * Finds the wrong shares among many: decoding of generalized Reed-Solomon codes by syndromes.
 *
 * Branches and the number of steps follow the errors (what wrong holders added to their shares), never the true shares;
 * products of errors are branch-free all the same.
 */

import { invert, multiply } from './field16.js';

/**
 * Berlekamp and Massey's algorithm (Massey, IEEE Trans. Inf. Theory 15(1), 1969): the shortest linear recurrence that
 * gives the syndromes.
 *
 * @param syndromes s_j = sum over wrong shares of error * holder^j, j = 0, 1, ...
 * @returns the connection polynomial, coefficients of z^0 (which is 1) to z^L
 */
function shortestRecurrence(syndromes: Uint16Array): Uint16Array {
  const size = syndromes.length + 1;
  let current = new Uint16Array(size);
  let previous = new Uint16Array(size);
  current[0] = 1;
  previous[0] = 1;
  let length = 0;
  let shift = 1;
  let previousDiscrepancy = 1;
  for (let n = 0; n < syndromes.length; n += 1) {
    let discrepancy = 0;
    for (let i = 0; i <= length; i += 1) discrepancy ^= multiply(current[i] ?? 0, syndromes[n - i] ?? 0);
    if (discrepancy === 0) {
      shift += 1;
      continue;
    }
    const factor = multiply(discrepancy, invert(previousDiscrepancy));
    const next = current.slice();
    for (let i = shift; i < size; i += 1) {
      next[i] = (next[i] ?? 0) ^ multiply(factor, previous[i - shift] ?? 0);
    }
    if (2 * length <= n) {
      previous = current;
      previousDiscrepancy = discrepancy;
      length = n + 1 - length;
      shift = 1;
    } else {
      shift += 1;
    }
    current = next;
  }
  return current.subarray(0, length + 1);
}

/**
 * The holders whose symbols are wrong in one column.
 *
 * @param syndromes s_j = sum over holders of weight * holder^j * symbol, for j from 0 to (shares - threshold - 1), not
 *   all zero; weight = 1 / product of (holder + other holder)
 * @param holders the numbers of the holders whose shares are there
 * @returns their numbers in the order of `holders`, at most half as many as there are syndromes; `undefined` if no so
 *   few errors explain the syndromes
 */
export function wrongHolders(syndromes: Uint16Array, holders: readonly number[]): number[] | undefined {
  const locator = shortestRecurrence(syndromes);
  const errors = locator.length - 1;
  if (2 * errors > syndromes.length) return undefined;
  // The locator is the product of (1 + holder * z) over the wrong holders: its reverse is zero at just their numbers.
  const wrong = holders.filter((holder) => {
    let value = 0;
    for (const coefficient of locator) value = multiply(value, holder) ^ coefficient;
    return value === 0;
  });
  return wrong.length === errors ? wrong : undefined;
}
