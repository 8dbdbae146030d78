import { type Cipher, createCipheriv, getCiphers } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { MessageChannel } from 'node:worker_threads';
import { chacha20Block } from '../../kernels/chacha20.js';
import { laneBlock } from '../../kernels/lanes.js';
import { prgSizes, type SuiteId } from '../suite.js';
import { addBlocks, type BlockEngine, chacha20Engine, type KeyStream, slotEngine } from './blocks.js';
import { checkMasks, type MaskExpander, type MaskStream } from './expander.js';
import { nobleExpander } from './noble.js';

const zeros = new Uint8Array(65_536);

/** The zeros of the last length asked for: nearly always a whole block. */
let input = zeros;

class NativeStream implements KeyStream {
  readonly #cipher: Cipher;

  constructor(algorithm: string, key: Uint8Array, iv: Uint8Array) {
    this.#cipher = createCipheriv(algorithm, key, iv);
  }

  writeNext(into: Uint8Array<ArrayBuffer>): void {
    if (input.length !== into.length) input = zeros.subarray(0, into.length);
    const output = this.#cipher.update(input);
    into.set(output);
    release(output);
  }
}

/** OpenSSL's IV for ChaCha20 is the little-endian 32-bit counter, then the nonce. */
function openChaCha20({ key, nonce }: MaskStream): KeyStream {
  const iv = new Uint8Array(16);
  iv.set(nonce, 4);
  return new NativeStream('chacha20', key, iv);
}

const openAesCtr = ({ key, nonce }: MaskStream): KeyStream => new NativeStream('aes-128-ctr', key, nonce);

/**
 * Frees the memory of a cipher's output now instead of at the next garbage collection.
 *
 * Each `update` returns a new buffer. Left to the collector, tens of megabytes of them pile up first, so every output
 * is written to memory that no cache holds: that costs a third of the speed of AES-128-CTR, besides the collector's own
 * threads. Detaching the buffer frees it at once, and malloc hands the same warm block to the next `update`.
 *
 * A Buffer may be a slice of Node's shared pool, which must never be detached: only a view of its whole buffer is its
 * owner. (`update` never takes from the pool; slices of it are smaller than half of it anyway.)
 */
export function release({ buffer, byteOffset, byteLength }: Uint8Array): void {
  if (byteOffset === 0 && byteLength === buffer.byteLength && buffer instanceof ArrayBuffer) detach?.(buffer);
}

type Detach = (buffer: ArrayBuffer) => void;

/**
 * The cheapest way to detach that works here, tried once: `transfer` (Node 22), or a message to a closed port (Node
 * 20).
 */
function findDetach(): Detach | undefined {
  const { port1, port2 } = new MessageChannel();
  port1.close();
  port2.close();
  const ways: readonly Detach[] = [
    (buffer) => void ('transfer' in buffer && typeof buffer.transfer === 'function' && buffer.transfer(0)),
    (buffer) => port1.postMessage(undefined, [buffer]),
  ];
  return ways.find((way) => {
    const probe = new ArrayBuffer(8);
    try {
      way(probe);
    } catch {
      return false;
    }
    return probe.byteLength === 0;
  });
}

const detach = findDetach();

/**
 * Vectors of fewer bytes are faster in our kernel: creating an OpenSSL cipher takes 1 microsecond in Node 20 and 10 in
 * Node 24, as long as the kernel takes for 2 and 14 KiB.
 */
const nativeFrom = 8192;

/**
 * A stream of each cipher that nobody reads. V8 drops machine code once the last object of a shape that it was compiled
 * for is collected; without these a client would compile what runs for each block in every session anew, for a tenth of
 * the time that its masks take.
 */
const kept: KeyStream[] = [];

type Engines = {
  readonly kernel: BlockEngine;
  readonly native: { readonly [suite in SuiteId]: BlockEngine | undefined };
};

let engines: Engines | undefined;

function openEngines(): Engines {
  const ciphers = getCiphers(); // a build of Node with another library than OpenSSL may lack one
  const native = (
    suite: SuiteId,
    algorithm: string,
    open: (stream: MaskStream) => KeyStream,
  ): BlockEngine | undefined => {
    if (!ciphers.includes(algorithm)) return undefined;
    const { key, nonce } = prgSizes[suite];
    kept.push(open({ key: new Uint8Array(key), nonce: new Uint8Array(nonce), subtract: false }));
    return slotEngine(laneBlock(), 512, open);
  };
  return {
    kernel: chacha20Engine(chacha20Block()),
    native: { 1: native(1, 'chacha20', openChaCha20), 2: native(2, 'aes-128-ctr', openAesCtr) },
  };
}

/** OpenSSL's ciphers where they are faster than our kernel, which is nearly always. */
export const nodeExpander: MaskExpander = {
  accumulate: async (suite, lanes, streams) => {
    const lane = checkMasks(suite, lanes, streams);
    engines ??= openEngines();
    const native = suite === 1 && lanes.byteLength < nativeFrom ? undefined : engines.native[suite];
    const engine = native ?? (suite === 1 ? engines.kernel : undefined);
    if (engine === undefined) return nobleExpander.accumulate(suite, lanes, streams);
    await addBlocks(engine, { lane, lanes, streams }, setImmediate);
  },
};
