/**
 * Shamir's secret sharing over GF(2^16): recovering, with the wrong shares found and named.
 *
 * Shares of a secret are a codeword of a generalized Reed-Solomon code (McEliece and Sarwate, CACM 24(9), 1981). With m
 * shares and threshold t, up to floor((m - t) / 2) wrong ones are corrected, however they are wrong: a share is wrong
 * if any of its symbols is, so all columns must agree on few wrong holders.
 *
 * "Wrong" means: not on the polynomial that the others are on. Whoever dealt the shares can deal bad ones, so a holder
 * that is named may have been dealt a bad share; only evidence from outside (a signed share) can tell the two apart.
 */

import { wipe } from '../../core/bytes.js';
import { checkBytes, checkInteger, describe } from '../../core/check.js';
import { PeerError, UsageError } from '../../core/errors.js';
import { wrongHolders } from './decode.js';
import { addExponents, order, publicLogarithms } from './field16.js';
import { sumProducts } from './products.js';
import { maxHolders } from './split.js';

/** A share and the number of its holder, from 1 to 65535. */
export interface HeldShare {
  readonly holder: number;
  readonly share: Uint8Array;
}

export interface RecoverOptions {
  /** Whether this is the secret, for callers that can tell (by a commitment). Without its yes nothing is returned. */
  readonly accept?: (secret: Uint8Array) => boolean;
}

export interface RecoveredSecret {
  readonly secret: Uint8Array;
  /** Numbers of the holders whose shares were wrong, ascending. */
  readonly wrong: readonly number[];
}

/**
 * Recovers a secret from `threshold` shares or more, in any order, and names the holders of wrong ones.
 *
 * With exactly `threshold` or one more, wrong shares can't be corrected, and with exactly `threshold` not even noticed:
 * pass `accept`.
 *
 * @param shares all of one positive even length, of different holders
 * @param threshold the one that the secret was split with, from 1 to 65535
 * @returns the secret, as long as a share, and the wrong holders, at most floor((shares.length - threshold) / 2)
 * @throws UsageError `usage.range` (threshold, a holder's number), `usage.bytes` (a share), `shamir.length` (shares of
 *   different or odd lengths), `shamir.duplicate` (a holder twice), `shamir.count` (fewer shares than the threshold)
 * @throws PeerError `shamir.undecodable` if more shares are wrong than can be corrected, `shamir.rejected` if `accept`
 *   says no
 */
export function recoverSecret(
  shares: readonly HeldShare[],
  threshold: number,
  options: RecoverOptions = {},
): RecoveredSecret {
  checkShares(shares, threshold, options);
  const radius = Math.floor((shares.length - threshold) / 2);
  const wrong: number[] = [];
  let left = [...shares].sort((a, b) => a.holder - b.holder);
  for (;;) {
    const { secret, syndromes } = interpolate(left, threshold);
    const column = firstWrongColumn(syndromes);
    if (column === undefined) return accepted(secret, wrong, options);
    wipe(secret);
    const holders = left.map(({ holder }) => holder);
    const found = wrongHolders(symbolsAt(syndromes, column), holders);
    wipe(...syndromes);
    wrong.push(...(found ?? []));
    if (found === undefined || wrong.length > radius)
      throw new PeerError(
        'shamir.undecodable',
        `more than ${radius} of ${shares.length} shares are wrong, which is all that threshold ${threshold} can correct`,
      );
    // One column tells most or all of the wrong holders; without them the rest must be consistent in every column.
    left = left.filter(({ holder }) => !found.includes(holder));
  }
}

function accepted(secret: Uint8Array, wrong: readonly number[], { accept }: RecoverOptions): RecoveredSecret {
  if (accept !== undefined && accept(secret) !== true) {
    wipe(secret);
    throw new PeerError('shamir.rejected', 'the shares give a secret that the caller does not accept');
  }
  return { secret, wrong: [...wrong].sort((a, b) => a - b) };
}

/**
 * The secret by Lagrange's formula over all shares, and what shows whether they are consistent.
 *
 * With v_h = 1 / product of (h + g) over the other holders g, and P the product of all holders' numbers, the secret is
 * sum P * v_h * h^-1 * share_h, and the syndromes sum v_h * h^j * share_h, j = 0 to (shares - threshold - 1), are zero
 * just if the shares are on one polynomial of degree below the threshold: one pass makes both.
 */
function interpolate(
  shares: readonly HeldShare[],
  threshold: number,
): { readonly secret: Uint8Array; readonly syndromes: readonly Uint8Array[] } {
  const { log, exp } = publicLogarithms();
  const numbers = Uint16Array.from(shares, ({ holder }) => holder);
  const logProduct = numbers.reduce((sum, holder) => addExponents(sum, log[holder] ?? 0), 0);
  const count = 1 + shares.length - threshold;
  const sums = sumProducts({
    count,
    rows: shares.map(({ share }) => share),
    scalars: (row, target) => {
      const holder = numbers[row] ?? 0;
      const step = log[holder] ?? 0;
      let exponent = order - (logOfDifferences(numbers, holder, log) % order);
      target[0] = exp[addExponents(addExponents(exponent, logProduct), order - step)] ?? 0;
      for (let j = 1; j < target.length; j += 1) {
        target[j] = exp[exponent] ?? 0;
        exponent = addExponents(exponent, step);
      }
    },
  });
  const secret = sums.take(0);
  const syndromes = Array.from({ length: count - 1 }, (_, j) => sums.take(j + 1));
  sums.wipe();
  return { secret, syndromes };
}

/** The sum of the logarithms of (holder + other) over all others; the holder itself adds log[0], which is 0. */
function logOfDifferences(numbers: Uint16Array, holder: number, log: Uint16Array): number {
  let sum = 0;
  for (let i = 0; i < numbers.length; i += 1) sum += log[holder ^ (numbers[i] ?? 0)] ?? 0;
  return sum;
}

/** The first column (symbol) in which a syndrome isn't zero; `undefined` if all shares are consistent. */
function firstWrongColumn(syndromes: readonly Uint8Array[]): number | undefined {
  const union = new Uint8Array(syndromes[0]?.length ?? 0);
  for (const syndrome of syndromes) {
    for (let i = 0; i < union.length; i += 1) union[i] = (union[i] ?? 0) | (syndrome[i] ?? 0);
  }
  const byte = union.findIndex((bits) => bits !== 0);
  return byte < 0 ? undefined : byte >>> 1;
}

function symbolsAt(rows: readonly Uint8Array[], column: number): Uint16Array {
  return Uint16Array.from(rows, (row) => (row[2 * column] ?? 0) | ((row[2 * column + 1] ?? 0) << 8));
}

function checkShares(shares: readonly HeldShare[], threshold: number, options: RecoverOptions): void {
  if (!Array.isArray(shares)) throw new UsageError('usage.shares', `shares must be an array, got ${describe(shares)}`);
  checkInteger('threshold', threshold, 1, maxHolders);
  if (typeof options !== 'object' || options === null || !['function', 'undefined'].includes(typeof options.accept))
    throw new UsageError('usage.options', 'options must be an object whose accept, where given, is a function');
  if (shares.length < threshold)
    throw new UsageError('shamir.count', `${threshold} shares are needed to recover a secret, got ${shares.length}`);
  const seen = new Set<number>();
  for (const held of shares) {
    if (typeof held !== 'object' || held === null)
      throw new UsageError('usage.shares', `a share must be { holder, share }, got ${describe(held)}`);
    const holder = checkInteger('holder', held.holder, 1, maxHolders);
    if (seen.has(holder))
      throw new UsageError('shamir.duplicate', `holder ${holder} is there twice; pass one share of each holder`);
    seen.add(holder);
    const { length } = checkBytes('share', held.share);
    const expected = shares[0]?.share.length;
    if (length === 0 || length % 2 !== 0 || length !== expected)
      throw new UsageError(
        'shamir.length',
        `shares must have one positive even length: holder ${holder} has ${length} bytes, the first ${expected}`,
      );
  }
}
