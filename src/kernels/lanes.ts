/**
 * Lanes hold the elements of a vector over Z_2^b while they are summed: the least of 8, 16 and 32 bits that is at least
 * b, since half the lane is half the key stream. Sums are mod 2^lane, which reduced mod 2^b is the sum in the ring.
 *
 * This module adds and subtracts blocks of lanes: the kernel where there is SIMD, the twin elsewhere.
 */

import { checkInteger, describe } from '../core/check.js';
import { UsageError } from '../core/errors.js';
import { type LaneBits, type LaneBlock, type Lanes, twinLaneBlock } from './lanes.twin.js';
import { wasm } from './lanes.wasm.js';
import { instantiate } from './load.js';

export type { LaneBits, LaneBlock, Lanes };

/** The least lane that holds `bits` bits (1 to 32); throws `UsageError` on other `bits`. */
export function laneBitsFor(bits: number): LaneBits {
  checkInteger('bits', bits, 1, 32);
  if (bits <= 8) return 8;
  return bits <= 16 ? 16 : 32;
}

/** Bits of the lanes of an array; throws `UsageError` (`usage.lanes`) if it isn't one of the three arrays of lanes. */
export function laneBitsOf(name: string, lanes: unknown): LaneBits {
  if (lanes instanceof Uint32Array) return 32;
  if (lanes instanceof Uint16Array) return 16;
  if (lanes instanceof Uint8Array) return 8;
  throw new UsageError(
    'usage.lanes',
    `${name} must be a Uint8Array, Uint16Array or Uint32Array, got ${describe(lanes)}`,
  );
}

/** The bytes of a vector of lanes, shared with it: little-endian on every platform that veilsum supports. */
export function laneBytes(lanes: Lanes): Uint8Array {
  return new Uint8Array(lanes.buffer, lanes.byteOffset, lanes.byteLength);
}

let sharedBlock: LaneBlock | undefined;

/** The scratch that all synchronous users share: what is in it means nothing once the event loop has turned. */
export function laneBlock(): LaneBlock {
  sharedBlock ??= wasmLaneBlock() ?? twinLaneBlock();
  return sharedBlock;
}

/** A kernel of its own, or `undefined` where WebAssembly or SIMD is missing. */
export function wasmLaneBlock(): LaneBlock | undefined {
  const kernel = instantiate(wasm) as LanesExports | undefined; // its exports are what assembly/lanes.ts declares
  if (kernel === undefined) return undefined;
  const { buffer } = kernel.memory;
  const blockBytes = kernel.blockBytes();
  const run = { 8: kernel.add8, 16: kernel.add16, 32: kernel.add32 } as const;
  return {
    blockBytes,
    sum: new Uint8Array(buffer, kernel.sumAt(), blockBytes),
    slots: Array.from(
      { length: kernel.slotCount() },
      (_, slot) => new Uint8Array(buffer, kernel.slotsAt() + slot * blockBytes, blockBytes),
    ),
    add: (lane, count, bytes) => run[lane](count, bytes, 0),
    subtract: (lane, count, bytes) => run[lane](count, bytes, 1),
  };
}

type Combine = (count: number, bytes: number, subtract: 0 | 1) => void;

type LanesExports = {
  readonly memory: WebAssembly.Memory;
  readonly blockBytes: () => number;
  readonly slotCount: () => number;
  readonly sumAt: () => number;
  readonly slotsAt: () => number;
  readonly add8: Combine;
  readonly add16: Combine;
  readonly add32: Combine;
};

/** target[i] += source[i] mod 2^lane; throws `UsageError` unless both have the same lane and length. */
export function addLanes(target: Lanes, source: Lanes): void {
  combineLanes(target, source, false);
}

/** target[i] -= source[i] mod 2^lane; throws `UsageError` unless both have the same lane and length. */
export function subtractLanes(target: Lanes, source: Lanes): void {
  combineLanes(target, source, true);
}

function combineLanes(target: Lanes, source: Lanes, subtract: boolean): void {
  const lane = laneBitsOf('target', target);
  if (laneBitsOf('source', source) !== lane || source.length !== target.length) {
    throw new UsageError('usage.lanes', `source must have ${target.length} lanes of ${lane} bits, as target has`);
  }
  const block = laneBlock();
  const [slot] = block.slots;
  if (slot === undefined) return;
  const [sums, values] = [laneBytes(target), laneBytes(source)];
  for (let at = 0; at < sums.length; at += block.blockBytes) {
    const bytes = Math.min(block.blockBytes, sums.length - at);
    block.sum.set(sums.subarray(at, at + bytes));
    slot.set(values.subarray(at, at + bytes));
    if (subtract) block.subtract(lane, 1, bytes);
    else block.add(lane, 1, bytes);
    sums.set(block.sum.subarray(0, bytes), at);
  }
}
