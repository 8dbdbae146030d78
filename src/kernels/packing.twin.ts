import type { Lanes } from './lanes.js';

/**
 * Bit-packing of lanes: value i takes bits i*b to i*b + b - 1 of the stream, and bit j of the stream is bit j % 8 of
 * byte floor(j / 8). Callers have checked that b is from 1 to 32, that lanes are the least of 8, 16 and 32 bits holding
 * b, and that `packed` has ceil(lanes.length * b / 8) bytes.
 */
export interface Packing {
  /** Adds each packed value to its lane, mod 2^lane. Bits after the last value must be zero. */
  readonly addPacked: (bits: number, lanes: Lanes, packed: Uint8Array) => void;
  /** Packs each lane mod 2^b, overwriting `packed`; the bits after the last value are zero. */
  readonly pack: (bits: number, lanes: Lanes, packed: Uint8Array) => void;
}

/** The packing kernel in TypeScript: the same results, byte for byte, where WebAssembly SIMD is missing. */
export const twin: Packing = {
  addPacked: (bits, lanes, packed) => {
    const mask = 0xffffffff >>> (32 - bits);
    for (let i = 0; i < lanes.length; i += 1) {
      const inGroup = (i & 7) * bits;
      const byte = (i >>> 3) * bits + (inGroup >>> 3);
      const shift = inGroup & 7;
      let value = word(packed, byte) >>> shift;
      // `shift` is above 0 here, so the left shift is below 32.
      if (shift + bits > 32) value |= (packed[byte + 4] ?? 0) << (32 - shift);
      lanes[i] = ((lanes[i] as number) + (value & mask)) | 0;
    }
  },
  pack: (bits, lanes, packed) => {
    const mask = 0xffffffff >>> (32 - bits);
    packed.fill(0);
    for (let i = 0; i < lanes.length; i += 1) {
      const value = (lanes[i] as number) & mask;
      const inGroup = (i & 7) * bits;
      let byte = (i >>> 3) * bits + (inGroup >>> 3);
      const shift = inGroup & 7;
      packed[byte] = (packed[byte] as number) | (value << shift);
      for (let taken = 8 - shift; taken < bits; taken += 8) {
        byte += 1;
        packed[byte] = value >>> taken;
      }
    }
  },
};

/** 32 bits, little-endian; bytes past the end count as zero. */
function word(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24);
}
