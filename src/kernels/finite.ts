import { roundUp } from './blocks.js';
import { type AllFinite, twin } from './finite.twin.js';
import { wasm } from './finite.wasm.js';
import { instantiate } from './load.js';

export type { AllFinite };

type Exports = {
  readonly memory: WebAssembly.Memory;
  readonly valuesAt: () => number;
  readonly allFinite: (count: number) => number;
};

/** Values in a block: what the kernel's memory holds. */
const blockValues = 8192;

let chosen: AllFinite | undefined;

/**
 * Whether all values are finite, with the kernel where WebAssembly SIMD is available, else with its TypeScript twin.
 */
export function allFinite(values: Float32Array): boolean {
  chosen ??= startFinite() ?? twin;
  return chosen(values);
}

/** A fresh instance of the WebAssembly kernel, or `undefined` where WebAssembly or SIMD is missing. */
export function startFinite(): AllFinite | undefined {
  // The module is generated from our own source: these are its exports.
  const kernel = instantiate(wasm) as Exports | undefined;
  if (kernel === undefined) return undefined;
  const block = new Float32Array(kernel.memory.buffer, kernel.valuesAt(), blockValues);
  return (values) => {
    let finite = true;
    for (let start = 0; start < values.length && finite; start += blockValues) {
      const count = Math.min(blockValues, values.length - start);
      block.set(values.subarray(start, start + count));
      block.fill(0, count, roundUp(count, 16));
      finite = kernel.allFinite(roundUp(count, 16)) !== 0;
    }
    return finite;
  };
}
