/**
 * TensorFlow.js, loaded with `require`: its modules are CommonJS, which `import` searches for the names of exports
 * first. Eleven threads load it, and this way it takes each of them a quarter of the time.
 */
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import type { KernelFunc, TensorInfo } from '@tensorflow/tfjs-core';

const require = createRequire(import.meta.url);

export const tf: typeof import('@tensorflow/tfjs-core') = require('@tensorflow/tfjs-core');
export const tfLayers: typeof import('@tensorflow/tfjs-layers') = require('@tensorflow/tfjs-layers');
const { setWasmPaths }: typeof import('@tensorflow/tfjs-backend-wasm') = require('@tensorflow/tfjs-backend-wasm');

/** Loads TensorFlow.js: its native binding if installed, else its WebAssembly backend on one thread. */
export async function startTensorFlow(): Promise<void> {
  tf.enableProdMode();
  // A name the compiler can't see through: the package is optional.
  const native: string = '@tensorflow/tfjs-node';
  await import(native).catch(() => undefined);
  if (tf.findBackendFactory('tensorflow') != null && (await tf.setBackend('tensorflow'))) return;
  const binary = require.resolve('@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm');
  setWasmPaths(`${dirname(binary)}/`);
  if (!(await tf.setBackend('wasm'))) throw new Error('TensorFlow.js could not start its WebAssembly backend');
  transposeBeforeMultiplying();
}

/**
 * Makes training three times faster on TensorFlow.js's WebAssembly backend. It multiplies matrices with XNNPACK, except
 * where one is to be transposed on the way, as for every gradient: there it falls back to a plain loop. Transposing
 * first, in a step of its own, keeps it on the fast path. `prepareWasm` of veilsum/training does it too, but imports
 * TensorFlow.js in the way that is slow here.
 */
function transposeBeforeMultiplying(): void {
  const multiply = kernel(tf.BatchMatMul);
  const transpose = kernel(tf.Transpose);
  const kernelFunc: KernelFunc = ({ inputs, backend, attrs }) => {
    if (!(backend instanceof tf.KernelBackend)) throw new Error('not a TensorFlow.js backend');
    const made: TensorInfo[] = [];
    const straight = (name: 'a' | 'b', transposed: unknown): TensorInfo => {
      const matrix = inputs[name];
      if (matrix === undefined) throw new Error(`matrix ${name} is missing`);
      if (transposed !== true) return matrix;
      const axes = [...matrix.shape.keys()];
      const perm = [...axes.slice(0, -2), axes.length - 1, axes.length - 2];
      const turned = one(transpose({ inputs: { x: matrix }, backend, attrs: { perm } }));
      made.push(turned);
      return turned;
    };
    const a = straight('a', attrs?.transposeA);
    const b = straight('b', attrs?.transposeB);
    const product = multiply({ inputs: { a, b }, backend, attrs: { transposeA: false, transposeB: false } });
    for (const { dataId } of made) backend.disposeData(dataId);
    return product;
  };
  tf.unregisterKernel(tf.BatchMatMul, 'wasm');
  tf.registerKernel({ kernelName: tf.BatchMatMul, backendName: 'wasm', kernelFunc });
}

function kernel(name: string): KernelFunc {
  const config = tf.getKernel(name, 'wasm');
  if (config === undefined) throw new Error(`TensorFlow.js has no ${name} for WebAssembly`);
  return config.kernelFunc;
}

function one(tensors: TensorInfo | TensorInfo[]): TensorInfo {
  if (Array.isArray(tensors)) throw new Error('expected one tensor');
  return tensors;
}
