import { laneBytes } from './lanes.js';
import { instantiate } from './load.js';
import { type Quantize, twin } from './quantize.twin.js';
import { wasm } from './quantize.wasm.js';

export type { Quantize };

type Exports = {
  readonly memory: WebAssembly.Memory;
  readonly valuesAt: () => number;
  readonly roundingAt: () => number;
  readonly lanesAt: () => number;
  readonly quantize: (count: number, scale: number, limit: number, weight: number, laneBytes: number) => number;
};

/** Values in a block: what each area of the kernel's memory holds. */
const blockValues = 4096;

let chosen: Quantize | undefined;

/** The kernel where WebAssembly SIMD is available, else its TypeScript twin. */
export function quantizer(): Quantize {
  chosen ??= startQuantize() ?? twin;
  return chosen;
}

/** A fresh instance of the WebAssembly kernel, or `undefined` where WebAssembly or SIMD is missing. */
export function startQuantize(): Quantize | undefined {
  // The module is generated from our own source: these are its exports.
  const kernel = instantiate(wasm) as Exports | undefined;
  if (kernel === undefined) return undefined;
  const valueBlock = new Float32Array(kernel.memory.buffer, kernel.valuesAt(), blockValues);
  const roundingBlock = new Uint32Array(kernel.memory.buffer, kernel.roundingAt(), blockValues);
  const laneBlock = new Uint8Array(kernel.memory.buffer, kernel.lanesAt(), 4 * blockValues);

  return (values, rounding, { scale, limit, weight }, lanes) => {
    const bytes = laneBytes(lanes);
    const width = lanes.BYTES_PER_ELEMENT;
    let finite = true;
    for (let start = 0; start < values.length && finite; start += blockValues) {
      const count = Math.min(blockValues, values.length - start);
      valueBlock.set(values.subarray(start, start + count));
      valueBlock.fill(0, count, Math.min(blockValues, count + 4)); // the kernel goes on to a multiple of four
      roundingBlock.set(rounding.subarray(start, start + count));
      finite = kernel.quantize(count, scale, limit, weight, width) === 0;
      bytes.set(laneBlock.subarray(0, count * width), start * width);
    }
    // An update is as private as anything here, and this memory outlives the call.
    valueBlock.fill(0);
    roundingBlock.fill(0);
    laneBlock.fill(0);
    return finite;
  };
}
