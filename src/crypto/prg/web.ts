import { wipe } from '../../core/bytes.js';
import { UsageError } from '../../core/errors.js';
import { chacha20Block } from '../../kernels/chacha20.js';
import { type LaneBits, type Lanes, laneBlock, laneBytes } from '../../kernels/lanes.js';
import { addBlocks, type BlockEngine, chacha20Engine } from './blocks.js';
import { advanceCounter } from './counter.js';
import { checkMasks, type MaskExpander, type MaskStream } from './expander.js';
import { nobleExpander } from './noble.js';
import { pacer, pause } from './pause.js';

const zeros = new Uint8Array(65_536);

let kernel: BlockEngine | undefined;

/**
 * Suite 1 by our kernel. Suite 2 by WebCrypto, in blocks of 64 KiB, up to eight at a time: twenty times as fast as
 * noble in Chromium, while pieces of a megabyte and more halve that. Its answers come before timers and input there:
 * pauses are needed.
 */
export const webExpander: MaskExpander = {
  accumulate: async (suite, lanes, streams) => {
    const lane = checkMasks(suite, lanes, streams);
    if (suite === 1) {
      kernel ??= chacha20Engine(chacha20Block());
      return addBlocks(kernel, { lane, lanes, streams }, pause);
    }
    // WebCrypto is missing where a page isn't a secure context.
    if (globalThis.crypto?.subtle === undefined) return nobleExpander.accumulate(suite, lanes, streams);
    const pauseIfDue = pacer(pause);
    for (const subtract of [false, true]) {
      const signed = streams.filter((stream) => stream.subtract === subtract);
      const size = laneBlock().slots.length;
      for (let first = 0; first < signed.length; first += size) {
        await addAesCtr({ lane, lanes, subtract, pauseIfDue }, signed.slice(first, first + size));
      }
    }
  },
};

interface Target {
  readonly lane: LaneBits;
  readonly lanes: Lanes;
  readonly subtract: boolean;
  readonly pauseIfDue: () => Promise<void> | undefined;
}

/**
 * Adds as many streams as a block of lanes has slots, the key stream of the next block under way while one is added.
 */
async function addAesCtr(target: Target, streams: readonly MaskStream[]): Promise<void> {
  const total = target.lanes.byteLength;
  const open = await Promise.all(streams.map(openAesCtr));
  const keyStreams = (at: number) => Promise.all(open.map((next) => next(Math.min(zeros.length, total - at))));
  let coming = keyStreams(0);
  for (let at = 0; at < total; at += zeros.length) {
    const outputs = await coming;
    if (at + zeros.length < total) coming = keyStreams(at + zeros.length);
    addOutputs(target, { at, total, outputs });
    await target.pauseIfDue();
  }
}

interface Outputs {
  readonly at: number;
  readonly total: number;
  readonly outputs: readonly Uint8Array[];
}

function addOutputs({ lane, lanes, subtract }: Target, { at, total, outputs }: Outputs): void {
  if (lanes.byteLength !== total) throw new UsageError('usage.lanes', 'lanes was detached while masks were added');
  const block = laneBlock();
  const sums = laneBytes(lanes).subarray(at, at + zeros.length);
  block.sum.set(sums);
  outputs.forEach((output, i) => {
    block.slots[i]?.set(output);
  });
  if (subtract) block.subtract(lane, outputs.length, sums.length);
  else block.add(lane, outputs.length, sums.length);
  sums.set(block.sum.subarray(0, sums.length));
  wipe(...outputs, ...[block.sum, ...block.slots].map((scratch) => scratch.subarray(0, sums.length)));
}

/** The next `length` bytes of AES-128-CTR; at most 64 KiB, and whole cipher blocks in all calls but the last. */
async function openAesCtr({ key, nonce }: MaskStream): Promise<(length: number) => Promise<Uint8Array>> {
  const imported = await crypto.subtle.importKey('raw', new Uint8Array(key), 'AES-CTR', false, ['encrypt']);
  const position = new Uint8Array(nonce);
  return async (length) => {
    const counter = new Uint8Array(position);
    advanceCounter(position, Math.ceil(length / 16));
    return new Uint8Array(
      await crypto.subtle.encrypt({ name: 'AES-CTR', counter, length: 128 }, imported, zeros.subarray(0, length)),
    );
  };
}
