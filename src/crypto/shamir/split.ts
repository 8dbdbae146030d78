/**
 * Shamir's secret sharing (CACM 22(11), 1979) over GF(2^16): splitting.
 *
 * A secret is a string of symbols, little-endian u16. Each symbol is the value at 0 of a polynomial of its own, of
 * degree below the threshold; holder h, numbered from 1, gets the values at h. So a share has the length of the secret,
 * any `threshold` shares give the secret, and fewer say nothing about it. The field has room for 65,535 holders.
 */

import { checkBytes, checkInteger, describe } from '../../core/check.js';
import { UsageError } from '../../core/errors.js';
import { addExponents, order, publicLogarithms } from './field16.js';
import { sumProducts } from './products.js';

/** Most holders that the field has numbers for: 1 to 65535. */
export const maxHolders: number = order;

export interface SplitOptions {
  /** Shares needed to recover the secret: from 1, which makes every share the secret itself, to `holders`. */
  readonly threshold: number;
  /** How many holders there are, from 1 to 65535; they are numbered from 1. */
  readonly holders: number;
  /**
   * Uniformly random bytes, `coefficientLength(secret.length, threshold)` of them, used for this secret only: the
   * coefficients of h^1 of all symbols, then those of h^2, and so on, little-endian u16. Zero is allowed anywhere, also
   * in the highest place: leaving it out would exclude secrets.
   */
  readonly coefficients: Uint8Array;
}

/** Bytes of randomness that splitting a secret of `secretLength` bytes takes: threshold - 1 times that length. */
export function coefficientLength(secretLength: number, threshold: number): number {
  return (threshold - 1) * secretLength;
}

/**
 * Splits a secret for holders 1 to `holders`. Several secrets for the same holders are best joined into one: the work
 * is the same for each symbol, and parts of shares recover parts of the secret.
 *
 * @param secret a positive even number of bytes
 * @returns the shares, as long as the secret; holder h's is at h - 1. Secrets all, they are the caller's to wipe
 * @throws UsageError `usage.range` (threshold, holders), `usage.bytes` (secret, coefficients), `usage.options`
 */
export function splitSecret(secret: Uint8Array, options: SplitOptions): Uint8Array[] {
  checkSplit(secret, options);
  const { threshold, holders, coefficients } = options;
  const { length } = secret;
  const powers = powersOfHolders(holders);
  const rows = Array.from({ length: threshold }, (_, degree) =>
    degree === 0 ? secret : coefficients.subarray((degree - 1) * length, degree * length),
  );
  const sums = sumProducts({ count: holders, rows, scalars: (_, target) => powers(target) });
  const shares = Array.from({ length: holders }, (_, i) => sums.take(i));
  sums.wipe();
  return shares;
}

/** Call by call: h^0, h^1, h^2, ... for holders h = 1, 2, ... Holder numbers are public, so tables are fine. */
function powersOfHolders(holders: number): (target: Uint16Array) => void {
  const { log, exp } = publicLogarithms();
  const exponents = new Uint16Array(holders);
  return (target) => {
    for (let i = 0; i < holders; i += 1) {
      const exponent = exponents[i] ?? 0;
      target[i] = exp[exponent] ?? 0;
      exponents[i] = addExponents(exponent, log[i + 1] ?? 0);
    }
  };
}

function checkSplit(secret: Uint8Array, options: SplitOptions): void {
  const { length } = checkBytes('secret', secret);
  if (length === 0 || length % 2 !== 0)
    throw new UsageError('usage.bytes', `secret must have a positive even number of bytes, got ${length}`);
  if (typeof options !== 'object' || options === null)
    throw new UsageError('usage.options', `options must be an object, got ${describe(options)}`);
  const holders = checkInteger('holders', options.holders, 1, maxHolders);
  const threshold = checkInteger('threshold', options.threshold, 1, holders);
  checkBytes('coefficients', options.coefficients, coefficientLength(length, threshold));
}
