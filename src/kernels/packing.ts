import { laneBytes } from './lanes.js';
import { instantiate } from './load.js';
import { type Packing, twin } from './packing.twin.js';
import { wasm } from './packing.wasm.js';

export type { Packing };

type Exports = {
  readonly memory: WebAssembly.Memory;
  readonly lanesAt: () => number;
  readonly packedAt: () => number;
  readonly add: (bits: number, groups: number) => void;
  readonly pack: (bits: number, groups: number) => void;
};

/** Values in a block: it begins at a whole byte whatever b is, and both areas of the kernel's memory hold it. */
const blockValues = 8192;

let chosen: Packing | undefined;

/** The kernel where WebAssembly SIMD is available, else its TypeScript twin. */
export function packing(): Packing {
  chosen ??= startPacking() ?? twin;
  return chosen;
}

/** A fresh instance of the WebAssembly kernel, or `undefined` where WebAssembly or SIMD is missing. */
export function startPacking(): Packing | undefined {
  // The module is generated from our own source: these are its exports.
  const kernel = instantiate(wasm) as Exports | undefined;
  if (kernel === undefined) return undefined;
  const memory = new Uint8Array(kernel.memory.buffer);
  const lanesAt = kernel.lanesAt();
  const packedAt = kernel.packedAt();

  return {
    addPacked: (bits, lanes, packed) => {
      const bytes = laneBytes(lanes);
      const width = lanes.BYTES_PER_ELEMENT;
      for (let start = 0; start < lanes.length; start += blockValues) {
        const count = Math.min(blockValues, lanes.length - start);
        const block = bytes.subarray(start * width, (start + count) * width);
        memory.set(block, lanesAt);
        memory.set(packed.subarray((start * bits) / 8, Math.ceil(((start + count) * bits) / 8)), packedAt);
        kernel.add(bits, Math.ceil(count / 8));
        block.set(memory.subarray(lanesAt, lanesAt + block.length));
      }
    },
    pack: (bits, lanes, packed) => {
      const bytes = laneBytes(lanes);
      const width = lanes.BYTES_PER_ELEMENT;
      if (bits === 8 * width) {
        packed.set(bytes);
        return;
      }
      for (let start = 0; start < lanes.length; start += blockValues) {
        const count = Math.min(blockValues, lanes.length - start);
        const length = count * width;
        memory.set(bytes.subarray(start * width, start * width + length), lanesAt);
        memory.fill(0, lanesAt + length, lanesAt + length + 8 * width); // what the last group has beyond the end
        kernel.pack(bits, Math.ceil(count / 8));
        packed.set(memory.subarray(packedAt, packedAt + Math.ceil((count * bits) / 8)), (start * bits) / 8);
      }
    },
  };
}
