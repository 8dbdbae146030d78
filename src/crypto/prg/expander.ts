import { checkBytes, describe } from '../../core/check.js';
import { UsageError } from '../../core/errors.js';
import { type LaneBits, type Lanes, laneBitsOf } from '../../kernels/lanes.js';
import { checkSuite, prgSizes, type SuiteId } from '../suite.js';

/** One mask: a key stream, read as little-endian lanes, that is added or subtracted. */
export interface MaskStream {
  /** Suite 1: ChaCha20 key, 32 bytes. Suite 2: AES-128 key, 16 bytes. */
  readonly key: Uint8Array;
  /**
   * Suite 1: ChaCha20 nonce, 12 bytes; the counter begins at 0. Suite 2: initial counter block, 16 bytes, big-endian.
   */
  readonly nonce: Uint8Array;
  readonly subtract: boolean;
}

/** Expands masks into vectors. Implementations differ in speed only. */
export interface MaskExpander {
  /**
   * lanes[i] += sum over the streams of (+ or -) stream[i], mod 2^lane (RFC 8439 section 2.4, NIST SP 800-38A section
   * 6.5).
   *
   * Works in place and lets the event loop turn every few milliseconds. Until the promise settles, `lanes` may only be
   * changed by other calls of `accumulate`; after a rejection for any reason but `UsageError` its content is
   * unspecified.
   *
   * @throws UsageError on an unknown suite, on anything but an array of lanes, on a key or nonce of the wrong size, and
   *   on vectors that a key stream is too short for; `lanes` is unchanged then. Also `usage.lanes` if
   *   somebody detaches `lanes` while masks are added, and its content is then wherever it went, with some masks in it
   */
  readonly accumulate: (suite: SuiteId, lanes: Lanes, streams: readonly MaskStream[]) => Promise<void>;
}

/**
 * One block less than the counter can count: a cipher that stops before it wraps is then as good as one that stops at
 * it.
 */
const chacha20Blocks = 2 ** 32 - 1;

/** Throws `UsageError` (`mask.length`) if a vector of `bytes` bytes outruns the key stream of a suite. */
export function checkStreamLength(suite: SuiteId, bytes: number): void {
  // The counter of suite 2 is the whole 16-byte block: no array comes near its end.
  if (suite === 1 && bytes > 64 * chacha20Blocks) {
    throw new UsageError(
      'mask.length',
      `lanes must have at most 64 * ${chacha20Blocks} bytes in suite 1, got ${bytes}`,
    );
  }
}

/** Checks the arguments of `accumulate` for every implementation, and returns the bits of a lane. */
export function checkMasks(suite: SuiteId, lanes: Lanes, streams: readonly MaskStream[]): LaneBits {
  const { key: keyLength, nonce: nonceLength } = prgSizes[checkSuite(suite)];
  const lane = laneBitsOf('lanes', lanes);
  checkStreamLength(suite, lanes.byteLength);
  if (!Array.isArray(streams))
    throw new UsageError('mask.streams', `streams must be an array, got ${describe(streams)}`);
  for (const [i, stream] of streams.entries()) {
    if (typeof stream !== 'object' || stream === null) {
      throw new UsageError('mask.streams', `streams[${i}] must be an object, got ${describe(stream)}`);
    }
    checkBytes(`streams[${i}].key`, stream.key, keyLength);
    checkBytes(`streams[${i}].nonce`, stream.nonce, nonceLength);
    if (typeof stream.subtract !== 'boolean') {
      throw new UsageError(
        'mask.streams',
        `streams[${i}].subtract must be a boolean, got ${describe(stream.subtract)}`,
      );
    }
  }
  if (!littleEndian) throw new UsageError('mask.platform', 'masks can only be expanded on little-endian platforms');
  return lane;
}

/** Lanes are the platform's integers, key streams are little-endian: on another platform every sum would be wrong. */
const littleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
