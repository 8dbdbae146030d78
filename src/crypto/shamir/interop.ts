/**
 * Shamir sharing that is interoperable with the npm package `shamirs-secret-sharing-ts` 1.0.2: shares made by either
 * are combined by the other. For exchange and for tests; the protocol uses GF(2^16) (split.ts), which has more holders,
 * finds wrong shares and needs no framing.
 *
 * A share is 0x08 (the bits of a symbol), the share's number from 1 to 255, and a body with one symbol for each byte of
 * the padded secret. The padded secret ends with the secret's bytes in reverse, each with a zero byte before it; before
 * those is a byte 0x01, and before that zeros up to a multiple of 16 bytes. So n bytes of secret make 16 * (floor(n /
 * 8) + 1) bytes of body.
 *
 * Limits: 255 shares; a share is more than twice as long as its secret; nothing in a share tells the threshold. Shares
 * that are too few, damaged or of different secrets are noticed by the zeros, except by a chance of about 256^-n, but
 * not corrected or named.
 */

import { wipe } from '../../core/bytes.js';
import { checkBytes, checkInteger, describe } from '../../core/check.js';
import { PeerError, UsageError } from '../../core/errors.js';
import type { RandomSource } from '../../core/random.js';
import { addProducts, double, order, prepareMultiples, publicLogarithms, publicPowers } from './field8.js';

/** First byte of a share: bits of a symbol, in base 36 as one digit. */
const symbolBits = 8;
const headerBytes = 2;
/** The body is padded to a multiple of this. */
const padding = 16;

export interface SplitInteropOptions {
  /** Shares needed to combine: from 1 to `holders`. */
  readonly threshold: number;
  /** How many shares to make, from 1 to 255; they are numbered from 1. */
  readonly holders: number;
  /**
   * Asked once for threshold - 1 bytes a byte of the body: the coefficients of the last byte, lowest power first, then
   * those of the byte before it (the order in which the peer asks for them, one by one). They are wiped after use.
   */
  readonly random: RandomSource;
}

/**
 * Splits a secret into shares in the peer's format.
 *
 * @param secret one byte or more
 * @throws UsageError `usage.bytes` (secret, or what `random` gave), `usage.range` (threshold, holders), `usage.options`
 */
export function splitInterop(secret: Uint8Array, options: SplitInteropOptions): Uint8Array[] {
  if (checkBytes('secret', secret).length === 0) throw new UsageError('usage.bytes', 'secret must not be empty');
  if (typeof options !== 'object' || options === null || typeof options.random !== 'function')
    throw new UsageError('usage.options', 'options must be { threshold, holders, random }, random a function');
  const holders = checkInteger('holders', options.holders, 1, order);
  const threshold = checkInteger('threshold', options.threshold, 1, holders);

  const body = pad(secret);
  const randomLength = (threshold - 1) * body.length;
  const coefficients = checkBytes('what random gives', options.random(randomLength), randomLength);
  const values = evaluate(body, coefficients, threshold, holders);
  const shares = Array.from({ length: holders }, (_, i) => {
    const share = new Uint8Array(headerBytes + body.length);
    share[0] = symbolBits;
    share[1] = i + 1;
    for (let word = 0; word < body.length / 4; word += 1) {
      unpackWord(values[word * holders + i] ?? 0, share, headerBytes + 4 * word);
    }
    return share;
  });
  wipe(body, coefficients);
  values.fill(0);
  return shares;
}

/**
 * Combines shares in the peer's format, in any order: all that are given, at least as many as the threshold was.
 *
 * @returns the secret
 * @throws UsageError `usage.shares` (not an array of one or more), `usage.bytes` (a share isn't bytes),
 *   `shamir.duplicate`
 * @throws PeerError `shamir.format` (a share that isn't of the format, or of another length than the first),
 *   `shamir.undecodable` (shares that don't belong together, are too few, or are damaged)
 */
export function combineInterop(shares: readonly Uint8Array[]): Uint8Array {
  const numbers = checkInteropShares(shares);
  const { log, exp } = publicLogarithms();
  const length = (shares[0]?.length ?? 0) - headerBytes;
  const sum = new Int32Array(length / 4);
  const logProduct = numbers.reduce((total, number) => total + (log[number] ?? 0), 0);
  for (const [i, share] of shares.entries()) {
    // Lagrange's weight at 0: the product of other / (number + other) over the other numbers.
    const number = numbers[i] ?? 0;
    const differences = numbers.reduce((total, other) => total + (log[number ^ other] ?? 0), log[number] ?? 0);
    const weight = exp[(logProduct - differences + order * numbers.length) % order] ?? 0;
    for (let word = 0; word < sum.length; word += 1) {
      let multiple = packWord(share, headerBytes + 4 * word);
      for (let bits = weight; bits !== 0; bits >>>= 1) {
        if ((bits & 1) === 1) sum[word] = (sum[word] ?? 0) ^ multiple;
        multiple = double(multiple);
      }
    }
  }
  const body = new Uint8Array(length);
  for (let word = 0; word < sum.length; word += 1) unpackWord(sum[word] ?? 0, body, 4 * word);
  sum.fill(0);
  const secret = unpad(body);
  wipe(body);
  if (secret === undefined)
    throw new PeerError('shamir.undecodable', 'the shares are of different secrets, too few, or damaged');
  return secret;
}

/** Values of each body byte's polynomial at 1 to `holders`: for each word of the body, the holders' words in a row. */
function evaluate(body: Uint8Array, coefficients: Uint8Array, threshold: number, holders: number): Int32Array {
  const values = new Int32Array(holders * (body.length / 4));
  const row = body.slice();
  const table = new Int32Array(32);
  for (let degree = 0; degree < threshold; degree += 1) {
    for (let i = 0; degree > 0 && i < row.length; i += 1) {
      row[row.length - 1 - i] = coefficients[i * (threshold - 1) + degree - 1] ?? 0;
    }
    const powers = publicPowers(degree).subarray(0, holders);
    for (let word = 0; word < row.length / 4; word += 1) {
      prepareMultiples(table, packWord(row, 4 * word));
      addProducts(values.subarray(word * holders, (word + 1) * holders), table, powers);
    }
  }
  wipe(row);
  table.fill(0);
  return values;
}

/** Zeros, 0x01, then 0 and the byte for each byte of the secret from its last to its first. */
function pad(secret: Uint8Array): Uint8Array {
  const body = new Uint8Array(padding * (Math.floor(secret.length / 8) + 1));
  const end = body.length - 1;
  for (let i = 0; i < secret.length; i += 1) body[end - 2 * i] = secret[i] ?? 0;
  body[end - 2 * secret.length] = 1;
  return body;
}

/** The inverse of `pad`; `undefined` for what `pad` doesn't make. Time depends on the length of the secret only. */
function unpad(body: Uint8Array): Uint8Array | undefined {
  const marker = body.findIndex((byte) => byte !== 0);
  const length = (body.length - 1 - marker) / 2;
  if (marker < 0 || marker >= padding || body[marker] !== 1 || !Number.isInteger(length) || length === 0)
    return undefined;
  const secret = new Uint8Array(length);
  let stray = 0;
  for (let i = 0; i < length; i += 1) {
    secret[i] = body[body.length - 1 - 2 * i] ?? 0;
    stray |= body[body.length - 2 - 2 * i] ?? 0;
  }
  if (stray === 0) return secret;
  wipe(secret);
  return undefined;
}

function packWord(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24);
}

function unpackWord(word: number, bytes: Uint8Array, at: number): void {
  for (let i = 0; i < 4; i += 1) bytes[at + i] = word >>> (8 * i);
}

/** Checks the shares' form and returns their numbers. */
function checkInteropShares(shares: readonly Uint8Array[]): number[] {
  if (!Array.isArray(shares) || shares.length === 0)
    throw new UsageError('usage.shares', `shares must be an array of one or more, got ${describe(shares)}`);
  const length = shares[0]?.length;
  const numbers = shares.map((share, i) => {
    checkBytes(`share ${i}`, share);
    const number = share[1] ?? 0;
    const bodyLength = share.length - headerBytes;
    if (share[0] !== symbolBits || number === 0 || bodyLength < padding || bodyLength % padding !== 0)
      throw new PeerError('shamir.format', `share ${i} is not in the format of shamirs-secret-sharing-ts`);
    if (share.length !== length)
      throw new PeerError('shamir.format', `share ${i} has ${share.length} bytes, the first one ${length}`);
    return number;
  });
  if (new Set(numbers).size !== numbers.length)
    throw new UsageError('shamir.duplicate', 'two shares have one number; pass each share once');
  return numbers;
}
