import { wipe } from '../../core/bytes.js';
import { UsageError } from '../../core/errors.js';
import type { ChaCha20Block } from '../../kernels/chacha20.js';
import { type LaneBits, type LaneBlock, type Lanes, laneBytes } from '../../kernels/lanes.js';
import type { MaskStream } from './expander.js';
import { pacer } from './pause.js';

/**
 * Masks are expanded block by block, not stream by stream: a block of the vector goes into a kernel's scratch, every
 * stream of a group adds its own next block there, and it goes back. So the vector is read and written once for a
 * group, the key streams stay in the cache, and nothing of the vector's size is allocated.
 *
 * What runs for each block of a stream is a method, never a closure made for the stream: machine code that V8 compiled
 * for a closure goes when it does, and a client would compile it in each session anew, for a tenth of the time that its
 * masks take.
 */
export interface BlockEngine {
  readonly blockBytes: number;
  /** How many streams are open at once. A block of a group is never interrupted: it should take a few milliseconds. */
  readonly groupSize: number;
  /** Scratch for the block. */
  readonly sum: Uint8Array;
  readonly open: (lane: LaneBits, streams: readonly MaskStream[]) => StreamGroup;
  /** Wipes the first `bytes` bytes of all scratch. */
  readonly wipe: (bytes: number) => void;
}

/** Open streams. */
export interface StreamGroup {
  /** Adds the next `bytes` bytes of each to the engine's `sum`; all calls but the last are for whole blocks. */
  addNext(bytes: number): void;
}

/**
 * Adds the streams to the lanes. Each block is read, summed and written without a pause, so the scratch is free and the
 * vector consistent whenever other code runs, and calls that overlap in time can share both.
 */
export async function addBlocks(
  engine: BlockEngine,
  { lane, lanes, streams }: { readonly lane: LaneBits; readonly lanes: Lanes; readonly streams: readonly MaskStream[] },
  pause: () => Promise<void>,
): Promise<void> {
  const { blockBytes, groupSize, sum } = engine;
  const total = lanes.byteLength;
  const pauseIfDue = pacer(pause);
  for (let first = 0; first < streams.length; first += groupSize) {
    const group = engine.open(lane, streams.slice(first, first + groupSize));
    for (let at = 0; at < total; at += blockBytes) {
      const block = laneBytes(lanes).subarray(at, at + blockBytes);
      sum.set(block);
      group.addNext(block.length);
      block.set(sum.subarray(0, block.length));
      const paused = pauseIfDue();
      if (paused === undefined) continue;
      await paused;
      if (lanes.byteLength !== total) throw new UsageError('usage.lanes', 'lanes was detached while masks were added');
    }
  }
  engine.wipe(Math.min(total, blockBytes));
}

/** ChaCha20 (suite 1) by our own kernel or its twin. */
export function chacha20Engine(block: ChaCha20Block): BlockEngine {
  const { blockBytes, sum } = block;
  return {
    blockBytes,
    groupSize: block.parallel ? 64 : 8,
    sum,
    open: (lane, streams) => new ChaCha20Group(block, lane, streams),
    wipe: (bytes) => wipe(sum.subarray(0, bytes)),
  };
}

class ChaCha20Group implements StreamGroup {
  readonly #block: ChaCha20Block;
  readonly #lane: LaneBits;
  readonly #streams: readonly MaskStream[];
  #counter = 0;

  constructor(block: ChaCha20Block, lane: LaneBits, streams: readonly MaskStream[]) {
    this.#block = block;
    this.#lane = lane;
    this.#streams = streams;
  }

  addNext(bytes: number): void {
    const counter = this.#counter;
    for (const { key, nonce, subtract } of this.#streams)
      this.#block.expand({ key, nonce, counter }, { lane: this.#lane, bytes, subtract });
    this.#counter = counter + this.#block.blockBytes / 64;
  }
}

/** A key stream from elsewhere. */
export interface KeyStream {
  /** Fills `into` with what comes next. */
  writeNext(into: Uint8Array<ArrayBuffer>): void;
}

/** Key streams from elsewhere: they are written into the slots of a block of lanes and added as many at a time. */
export function slotEngine(
  block: LaneBlock,
  groupSize: number,
  openStream: (stream: MaskStream) => KeyStream,
): BlockEngine {
  const { blockBytes, sum, slots } = block;
  return {
    blockBytes,
    groupSize,
    sum,
    open: (lane, streams) => new SlotGroup(block, lane, signed(streams, openStream)),
    wipe: (bytes) => wipe(...[sum, ...slots].map((scratch) => scratch.subarray(0, bytes))),
  };
}

interface SignedStreams {
  readonly added: readonly KeyStream[];
  readonly subtracted: readonly KeyStream[];
}

function signed(streams: readonly MaskStream[], open: (stream: MaskStream) => KeyStream): SignedStreams {
  return {
    added: streams.filter(({ subtract }) => !subtract).map(open),
    subtracted: streams.filter(({ subtract }) => subtract).map(open),
  };
}

class SlotGroup implements StreamGroup {
  readonly #block: LaneBlock;
  readonly #lane: LaneBits;
  readonly #streams: SignedStreams;

  constructor(block: LaneBlock, lane: LaneBits, streams: SignedStreams) {
    this.#block = block;
    this.#lane = lane;
    this.#streams = streams;
  }

  addNext(bytes: number): void {
    const { blockBytes, slots } = this.#block;
    const targets = bytes === blockBytes ? slots : slots.map((slot) => slot.subarray(0, bytes));
    const { added, subtracted } = this.#streams;
    for (let first = 0; first < added.length; first += targets.length)
      this.#block.add(this.#lane, fill(targets, added, first), bytes);
    for (let first = 0; first < subtracted.length; first += targets.length)
      this.#block.subtract(this.#lane, fill(targets, subtracted, first), bytes);
  }
}

/** Writes the next bytes of the streams from `first` on into the slots; returns how many there were. */
function fill(slots: readonly Uint8Array<ArrayBuffer>[], streams: readonly KeyStream[], first: number): number {
  let filled = 0;
  for (const slot of slots) {
    const stream = streams[first + filled];
    if (stream === undefined) break;
    stream.writeNext(slot);
    filled += 1;
  }
  return filled;
}
