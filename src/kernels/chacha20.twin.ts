import { chacha20 } from '@noble/ciphers/chacha.js';
import { type BlockOperation, combineBlock } from './lanes.twin.js';

/** Where a key stream begins. Sizes are the caller's to check. */
export interface ChaCha20Stream {
  /** 32 bytes. */
  readonly key: Uint8Array;
  /** 12 bytes. */
  readonly nonce: Uint8Array;
  /** Number of the first 64-byte block, from 0; it must not reach 2^32 - 1 before the end. */
  readonly counter: number;
}

/** Scratch for one block of a sum that key streams are added to. */
export interface ChaCha20Block {
  /** Bytes of `sum`: a multiple of 64, so that a vector's blocks continue a key stream at whole counters. */
  readonly blockBytes: number;
  /** Whether this is the kernel: several times as fast as the twin. */
  readonly parallel: boolean;
  readonly sum: Uint8Array<ArrayBuffer>;
  /**
   * sum += or -= key stream, read as little-endian lanes, mod 2^lane, over the first `bytes` bytes. What is left in
   * `sum` behind them is unspecified.
   */
  readonly expand: (stream: ChaCha20Stream, operation: BlockOperation) => void;
}

const blockBytes = 65_536;

/** The ChaCha20 kernel in plain TypeScript, over noble's cipher. */
export function twinChaCha20Block(): ChaCha20Block {
  const sum = new Uint8Array(blockBytes);
  const zeros = new Uint8Array(blockBytes);
  const stream = new Uint8Array(blockBytes);
  return {
    blockBytes,
    parallel: false,
    sum,
    expand: ({ key, nonce, counter }, operation) => {
      const { bytes } = operation;
      chacha20(key, nonce, zeros.subarray(0, bytes), stream.subarray(0, bytes), counter);
      combineBlock(operation, sum, stream);
      stream.fill(0, 0, bytes);
    },
  };
}
