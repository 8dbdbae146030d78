/** Bits of a lane. */
export type LaneBits = 8 | 16 | 32;

/** A vector of lanes of 8, 16 or 32 bits. */
export type Lanes = Uint8Array | Uint16Array | Uint32Array;

/** Scratch for one block of a sum and a few blocks to add to it. */
export interface LaneBlock {
  /** Bytes of `sum` and of each slot. */
  readonly blockBytes: number;
  readonly sum: Uint8Array<ArrayBuffer>;
  readonly slots: readonly Uint8Array<ArrayBuffer>[];
  /**
   * sum += slots[0] + ... + slots[count - 1] mod 2^lane over the first `bytes` bytes, a multiple of the lane's. What is
   * left in `sum` behind them is unspecified. Fastest with all slots at once.
   */
  readonly add: (lane: LaneBits, count: number, bytes: number) => void;
  /** sum -= slots[0] + ... + slots[count - 1], otherwise like `add`. */
  readonly subtract: (lane: LaneBits, count: number, bytes: number) => void;
}

const blockBytes = 65_536;
const slotCount = 4;

/** The lanes kernel in plain TypeScript. */
export function twinLaneBlock(): LaneBlock {
  const sum = new Uint8Array(blockBytes);
  const slots = Array.from({ length: slotCount }, () => new Uint8Array(blockBytes));
  const combine = (lane: LaneBits, count: number, bytes: number, subtract: boolean): void => {
    for (const slot of slots.slice(0, count)) combineBlock({ lane, bytes, subtract }, sum, slot);
  };
  return {
    blockBytes,
    sum,
    slots,
    add: (lane, count, bytes) => combine(lane, count, bytes, false),
    subtract: (lane, count, bytes) => combine(lane, count, bytes, true),
  };
}

/** How a block is added to another. */
export interface BlockOperation {
  readonly lane: LaneBits;
  /** How many bytes of the block take part: a multiple of the lane's, and of the block at most. */
  readonly bytes: number;
  readonly subtract: boolean;
}

/** target += or -= source, lane by lane; both begin at a multiple of the lane in their buffers. */
export function combineBlock(
  { lane, bytes, subtract }: BlockOperation,
  target: Uint8Array<ArrayBuffer>,
  source: Uint8Array<ArrayBuffer>,
): void {
  const [sums, values] = [lanesOf(lane, target, bytes), lanesOf(lane, source, bytes)];
  const sign = subtract ? -1 : 1;
  // Storing into a typed array reduces mod 2^lane.
  for (let i = 0; i < sums.length; i++) sums[i] = (sums[i] ?? 0) + sign * (values[i] ?? 0);
}

function lanesOf(lane: LaneBits, { buffer, byteOffset }: Uint8Array<ArrayBuffer>, bytes: number): Lanes {
  if (lane === 8) return new Uint8Array(buffer, byteOffset, bytes);
  return lane === 16 ? new Uint16Array(buffer, byteOffset, bytes / 2) : new Uint32Array(buffer, byteOffset, bytes / 4);
}
