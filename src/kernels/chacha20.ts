/**
 * ChaCha20 (RFC 8439) whose key stream is added straight to a block of lanes, so that no key stream is ever in
 * JavaScript's hands. The kernel works on four 64-byte blocks at once; the twin takes the key stream from noble.
 */

import { type ChaCha20Block, type ChaCha20Stream, twinChaCha20Block } from './chacha20.twin.js';
import { wasm } from './chacha20.wasm.js';
import type { BlockOperation } from './lanes.twin.js';
import { instantiate } from './load.js';

export type { ChaCha20Block, ChaCha20Stream };

/**
 * The kernel where WebAssembly SIMD is available, else its TypeScript twin; each call makes one with its own scratch.
 */
export function chacha20Block(): ChaCha20Block {
  return wasmChaCha20Block() ?? twinChaCha20Block();
}

/** A kernel of its own, or `undefined` where WebAssembly or SIMD is missing. */
export function wasmChaCha20Block(): ChaCha20Block | undefined {
  const kernel = instantiate(wasm) as ChaCha20Exports | undefined; // its exports are what assembly/chacha20.ts declares
  if (kernel === undefined) return undefined;
  const { buffer } = kernel.memory;
  const blockBytes = kernel.blockBytes();
  const stateAt = kernel.stateAt();
  const [keyWords, counterBytes, nonceWords] = [
    new Uint8Array(buffer, stateAt, 32),
    new DataView(buffer, stateAt + 32, 4),
    new Uint8Array(buffer, stateAt + 36, 12),
  ];
  return {
    blockBytes,
    parallel: true,
    sum: new Uint8Array(buffer, kernel.sumAt(), blockBytes),
    expand: ({ key, nonce, counter }: ChaCha20Stream, { lane, bytes, subtract }: BlockOperation) => {
      keyWords.set(key);
      counterBytes.setUint32(0, counter, true);
      nonceWords.set(nonce);
      kernel.expand(lane, bytes, subtract ? 1 : 0); // wipes the state
    },
  };
}

type ChaCha20Exports = {
  readonly memory: WebAssembly.Memory;
  readonly blockBytes: () => number;
  readonly stateAt: () => number;
  readonly sumAt: () => number;
  readonly expand: (lane: number, bytes: number, subtract: 0 | 1) => void;
};
