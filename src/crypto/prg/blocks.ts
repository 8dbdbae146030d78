import { wipe } from '../../core/bytes.js';
import { UsageError } from '../../core/errors.js';
import type { ChaCha20Block } from '../../kernels/chacha20.js';
import { type LaneBits, type LaneBlock, type Lanes, laneBytes } from '../../kernels/lanes.js';
import type { MaskStream } from './expander.js';
import { pacer } from './pause.js';

/**
 * Masks are expanded block by block, not stream by stream: a block of the vector goes into a kernel's scratch, every
 * stream of a group adds its own next block there, and it goes back. So the vector is read and written once for a group,
 * the key streams stay in the cache, and nothing of the vector's size is allocated.
 */
export interface BlockEngine {
  readonly blockBytes: number;
  /** How many streams are open at once. A block of a group is never interrupted: it should take a few milliseconds. */
  readonly groupSize: number;
  /** Scratch for the block. */
  readonly sum: Uint8Array;
  readonly open: (lane: LaneBits, streams: readonly MaskStream[]) => AddNext;
  /** Wipes the first `bytes` bytes of all scratch. */
  readonly wipe: (bytes: number) => void;
}

/** Adds the next `bytes` bytes of every stream of a group to `sum`; all calls but the last are for whole blocks. */
export type AddNext = (bytes: number) => void;

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
    const addNext = engine.open(lane, streams.slice(first, first + groupSize));
    for (let at = 0; at < total; at += blockBytes) {
      const block = laneBytes(lanes).subarray(at, at + blockBytes);
      sum.set(block);
      addNext(block.length);
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
    open: (lane, streams) => {
      let counter = 0;
      return (bytes) => {
        for (const { key, nonce, subtract } of streams)
          block.expand({ key, nonce, counter }, { lane, bytes, subtract });
        counter += blockBytes / 64;
      };
    },
    wipe: (bytes) => wipe(sum.subarray(0, bytes)),
  };
}

/** Writes the next bytes of a key stream. */
export type KeyStream = (into: Uint8Array<ArrayBuffer>) => void;

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
    open: (lane, streams) => {
      const added = streams.filter(({ subtract }) => !subtract).map(openStream);
      const subtracted = streams.filter(({ subtract }) => subtract).map(openStream);
      return (bytes) => {
        const targets = slots.map((slot) => slot.subarray(0, bytes));
        throughSlots(added, targets, (count) => block.add(lane, count, bytes));
        throughSlots(subtracted, targets, (count) => block.subtract(lane, count, bytes));
      };
    },
    wipe: (bytes) => wipe(...[sum, ...slots].map((scratch) => scratch.subarray(0, bytes))),
  };
}

function throughSlots(
  streams: readonly KeyStream[],
  slots: readonly Uint8Array<ArrayBuffer>[],
  flush: (count: number) => void,
): void {
  for (let first = 0; first < streams.length; first += slots.length) {
    const count = Math.min(slots.length, streams.length - first);
    slots.slice(0, count).forEach((slot, i) => {
      streams[first + i]?.(slot);
    });
    flush(count);
  }
}
