import { chacha20 } from '@noble/ciphers/chacha.js';
import { utf8 } from '../../core/bytes.js';
import { checkBytes, checkInteger } from '../../core/check.js';
import type { CompressionContext } from './kind.js';

/**
 * Randomness that the clients of a sum and the server share: the ChaCha20 key stream (RFC 8439) under the seed, with a
 * nonce of purpose (8 bytes) and round (32 bits, little-endian). It is public, and decides nothing that has to stay
 * secret.
 */
const purposes = { rotation: 'rotation', randomK: 'random-k', sketch: 'sketch  ' } as const;

/** Key stream made at a time for single numbers. */
const blockBytes = 4096;

/** `length` shared bytes. Throws `UsageError` (`usage.bytes`, `usage.range`). */
export function sharedBytes(
  { seed, round }: CompressionContext,
  purpose: keyof typeof purposes,
  length: number,
  counter = 0,
): Uint8Array {
  checkBytes('context.seed', seed, 32);
  checkInteger('context.round', round, 0, 2 ** 32 - 1);
  const nonce = new Uint8Array(12);
  nonce.set(utf8(purposes[purpose]));
  new DataView(nonce.buffer).setUint32(8, round, true);
  return chacha20(seed, nonce, new Uint8Array(length), undefined, counter);
}

/** Draws shared integers from 0 to bound - 1 (bound up to 2^32), without bias. */
export function sharedIntegers(context: CompressionContext, purpose: keyof typeof purposes): (bound: number) => number {
  let block = 0;
  let at = blockBytes;
  let view: DataView = new DataView(new ArrayBuffer(0));
  const word = (): number => {
    if (at === blockBytes) {
      const bytes = sharedBytes(context, purpose, blockBytes, (block * blockBytes) / 64);
      view = new DataView(bytes.buffer, bytes.byteOffset, blockBytes);
      block += 1;
      at = 0;
    }
    at += 4;
    return view.getUint32(at - 4, true);
  };
  return (bound) => {
    const fair = 2 ** 32 - (2 ** 32 % bound);
    for (;;) {
      const drawn = word();
      if (drawn < fair) return drawn % bound;
    }
  };
}
