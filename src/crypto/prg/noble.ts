import { ctr } from '@noble/ciphers/aes.js';
import { twinChaCha20Block } from '../../kernels/chacha20.twin.js';
import { twinLaneBlock } from '../../kernels/lanes.twin.js';
import { addBlocks, type BlockEngine, chacha20Engine, type KeyStream, slotEngine } from './blocks.js';
import { advanceCounter } from './counter.js';
import { checkMasks, type MaskExpander, type MaskStream } from './expander.js';
import { pause } from './pause.js';

const zeros = new Uint8Array(65_536);

/** AES-128-CTR from noble, for at most 64 KiB at a time. */
class AesCtrStream implements KeyStream {
  readonly #key: Uint8Array;
  readonly #counter: Uint8Array;

  constructor({ key, nonce }: MaskStream) {
    this.#key = key;
    this.#counter = new Uint8Array(nonce);
  }

  writeNext(into: Uint8Array<ArrayBuffer>): void {
    ctr(this.#key, this.#counter).encrypt(zeros.subarray(0, into.length), into);
    advanceCounter(this.#counter, Math.ceil(into.length / 16));
  }
}

let engines: { readonly 1: BlockEngine; readonly 2: BlockEngine } | undefined;

/** Audited JavaScript and plain loops: no WebAssembly, the reference for the others. */
export const nobleExpander: MaskExpander = {
  accumulate: async (suite, lanes, streams) => {
    const lane = checkMasks(suite, lanes, streams);
    engines ??= {
      1: chacha20Engine(twinChaCha20Block()),
      2: slotEngine(twinLaneBlock(), 8, (stream) => new AesCtrStream(stream)),
    };
    await addBlocks(engines[suite], { lane, lanes, streams }, pause);
  },
};
