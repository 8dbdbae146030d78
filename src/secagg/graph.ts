/**
 * The neighbor graph: who masks and shares with whom. Everyone derives it from the same seed, so the server can't
 * hand-pick neighbors.
 */
import { chacha20 } from '@noble/ciphers/chacha.js';
import { checkBytes, checkInteger } from '../core/check.js';
import { UsageError } from '../core/errors.js';

/** The most clients in one cohort: 2^20. */
export const MAX_CLIENTS: number = 2 ** 20;

/** The most neighbors of a client: the holders that Shamir sharing over GF(2^16) can number. */
export const MAX_DEGREE: number = 2 ** 16 - 1;

/** What the graph is derived from. */
export interface NeighborGraphOptions {
  /** 32 bytes, derived from the roster root by labelled KDF. Public. The complete graph doesn't depend on it. */
  readonly seed: Uint8Array;
  /** Clients in the cohort, 2 to `MAX_CLIENTS`. */
  readonly n: number;
  /** Neighbors of each client: n - 1, or even and from 2 to n - 2; at most `MAX_DEGREE`. */
  readonly degree: number;
}

/** A regular undirected graph without self loops over the roster indices 0 to n - 1. */
export interface NeighborGraph {
  readonly n: number;
  readonly degree: number;
  /**
   * The neighbors of the client at this roster index: `degree` distinct roster indices, ascending, in a fresh array.
   *
   * @throws UsageError where `index` isn't an integer from 0 to n - 1
   */
  neighborsOf(index: number): Uint32Array;
}

/** Whether a graph on `n` clients can have this degree: n - 1, or even and from 2 to n - 2; at most `MAX_DEGREE`. */
export function isLawfulDegree(n: number, degree: number): boolean {
  if (!Number.isInteger(degree) || degree > MAX_DEGREE) return false;
  return degree === n - 1 || (degree >= 2 && degree < n - 1 && degree % 2 === 0);
}

/**
 * The graph of Bell et al. 2020 (eprint 2020/704), section 3: a Harary ring under a random permutation. The clients
 * stand in a ring in permuted order, and each is a neighbor of the degree/2 that follow it and the degree/2 that
 * precede it. With degree n - 1 it is the complete graph of Bonawitz et al. 2017, and the seed isn't used.
 *
 * The permutation, exactly (another language must reproduce it):
 * 1. The key stream is ChaCha20 (RFC 8439) with key `seed`, a nonce of 12 zero bytes and a counter that starts at 0,
 *    read from its first byte as 32-bit little-endian words, one after the other.
 * 2. An integer below m, 2 <= m <= 2^32, takes the next word w; where w >= floor(2^32 / m) * m, it is dropped and the
 *    next one is taken, until one is below. The integer is w mod m.
 * 3. `ring` starts as 0, 1, ..., n - 1. For i = n - 1 down to 1 in steps of one: j = an integer below i + 1; swap
 *    ring[i] and ring[j].
 * 4. ring[p] is the roster index at place p of the ring. The neighbors of ring[p] are ring[(p + s) mod n] and
 *    ring[(p - s) mod n] for s = 1 to degree/2.
 *
 * Takes O(n) time and 8n bytes; one client's neighbors cost O(degree log degree).
 *
 * @throws UsageError where the seed isn't 32 bytes, `n` is out of range, or no graph on n clients has that degree
 */
export function neighborGraph(options: NeighborGraphOptions): NeighborGraph {
  const seed = checkBytes('seed', options?.seed, 32);
  const n = checkInteger('n', options.n, 2, MAX_CLIENTS);
  const degree = checkInteger('degree', options.degree, 1, MAX_DEGREE);
  if (!isLawfulDegree(n, degree))
    throw new UsageError(
      'usage.range',
      `degree must be n - 1 (${n - 1}) or even and from 2 to n - 2 (${n - 2}) for n = ${n}, got ${degree}`,
    );
  const neighbors = degree === n - 1 ? completeNeighbors(n) : ringNeighbors(permutation(seed, n), degree);
  return Object.freeze({
    n,
    degree,
    neighborsOf: (index: number) => neighbors(checkInteger('index', index, 0, n - 1)),
  });
}

type Neighbors = (index: number) => Uint32Array;

function completeNeighbors(n: number): Neighbors {
  return (index) => Uint32Array.from({ length: n - 1 }, (_, i) => (i < index ? i : i + 1));
}

function ringNeighbors(ring: Uint32Array, degree: number): Neighbors {
  const n = ring.length;
  const places = new Uint32Array(n);
  const at = (list: Uint32Array, i: number): number => list[i] as number; // every i below is from 0 to n - 1
  for (let place = 0; place < n; place++) places[at(ring, place)] = place;
  return (index) => {
    const place = at(places, index);
    const neighbors = new Uint32Array(degree);
    for (let step = 1; step <= degree / 2; step++) {
      neighbors[2 * step - 2] = at(ring, (place + step) % n);
      neighbors[2 * step - 1] = at(ring, (place + n - step) % n);
    }
    return neighbors.sort();
  };
}

/** Fisher-Yates over 0 to n - 1, from the last place down. */
function permutation(seed: Uint8Array, n: number): Uint32Array {
  const below = integersBelow(seed, n);
  const ring = new Uint32Array(n);
  for (let i = 0; i < n; i++) ring[i] = i;
  for (let i = n - 1; i >= 1; i--) {
    const j = below(i + 1);
    const moved = ring[i] as number; // 0 <= j <= i < n
    ring[i] = ring[j] as number;
    ring[j] = moved;
  }
  return ring;
}

/** Unbiased integers below m, 2 <= m <= 2^32, from the key stream of `seed`; `expected` of them are likely. */
function integersBelow(seed: Uint8Array, expected: number): (m: number) => number {
  const word = keyStreamWords(seed, expected);
  return (m) => {
    const limit = Math.floor(2 ** 32 / m) * m;
    for (;;) {
      const candidate = word();
      if (candidate < limit) return candidate % m;
    }
  };
}

/** The key stream as little-endian words, whatever the byte order of the host. Made in pieces of up to 16 KiB. */
function keyStreamWords(seed: Uint8Array, expected: number): () => number {
  const blocks = Math.min(256, Math.ceil(expected / 16));
  const size = blocks * 64;
  const nonce = new Uint8Array(12);
  const zeros = new Uint8Array(size);
  const stream = new Uint8Array(size);
  const view = new DataView(stream.buffer);
  let counter = 0;
  let offset = size;
  return () => {
    if (offset === size) {
      chacha20(seed, nonce, zeros, stream, counter);
      counter += blocks;
      offset = 0;
    }
    offset += 4;
    return view.getUint32(offset - 4, true);
  };
}
