/** What TensorFlow.js's WebAssembly backend lacks to train convolutional networks, and what makes it train faster. */
import * as tf from '@tensorflow/tfjs-core';
import { InternalError, UsageError } from '../../core/errors.js';

/** The backend's name in TensorFlow.js. */
const backendName = 'wasm';

/**
 * Gives the WebAssembly backend the gradient of a convolution's filter, which it lacks ('Conv2DBackpropFilter' not
 * registered), and has it transpose matrices before it multiplies them, which makes the gradients of dense layers
 * several times faster. Call it once `@tensorflow/tfjs-backend-wasm` is loaded and set; calling it again changes
 * nothing.
 *
 * @throws UsageError `training.backend` if that backend isn't loaded
 */
export function prepareWasm(): void {
  if (tf.getKernel(tf.Conv2D, backendName) === undefined)
    throw new UsageError(
      'training.backend',
      'the wasm backend is not loaded: import @tensorflow/tfjs-backend-wasm first',
    );
  if (tf.getKernel(tf.Conv2DBackpropFilter, backendName) === undefined)
    tf.registerKernel({ kernelName: tf.Conv2DBackpropFilter, backendName, kernelFunc: filterGradient });
  const multiply = kernel(tf.BatchMatMul);
  if (multiply === transposingMultiply) return;
  plainMultiply = multiply;
  tf.unregisterKernel(tf.BatchMatMul, backendName);
  tf.registerKernel({ kernelName: tf.BatchMatMul, backendName, kernelFunc: transposingMultiply });
}

/**
 * The gradient of a convolution's filter is itself a convolution: of the padded inputs, with examples as channels and
 * channels as examples, by the outputs' gradient, whose taps are as far apart as the stride was; its own steps are 1.
 * Dilated convolutions have no gradient in TensorFlow.js, on any backend, so none arrive here.
 */
const filterGradient: tf.KernelFunc = ({ inputs, backend, attrs }) => {
  const { x, dy } = inputs;
  if (x === undefined || dy === undefined || attrs === undefined) throw missing('x, dy or attributes');
  const { dataFormat, filterShape, pad, strides, dimRoundingMode } = attrs as unknown as tf.Conv2DBackpropFilterAttrs;
  if (dataFormat !== 'NHWC')
    throw new UsageError(
      'training.layout',
      `convolutions train with dataFormat NHWC (channelsLast) only, got ${dataFormat}`,
    );
  const shape = four(x.shape);
  const [, outHeight, outWidth] = four(dy.shape);
  const { padInfo, strideHeight, strideWidth } = tf.backend_util.computeConv2DInfo(
    shape,
    filterShape,
    strides,
    1,
    pad,
    dimRoundingMode,
  );
  const [filterHeight, filterWidth, inChannels] = filterShape;
  // What of the padded input the outputs saw: the rest of it, which a stride may leave over, must not make more taps.
  const usedHeight = (outHeight - 1) * strideHeight + filterHeight;
  const usedWidth = (outWidth - 1) * strideWidth + filterWidth;
  const made: tf.TensorInfo[] = [];
  const run = (name: string, given: tf.NamedTensorInfoMap, attributes: tf.NamedAttrMap): tf.TensorInfo => {
    const result = one(kernel(name)({ inputs: given, backend, attrs: attributes }));
    made.push(result);
    return result;
  };
  const padded = run(
    tf.PadV2,
    { x },
    {
      paddings: [
        [0, 0],
        [padInfo.top, Math.max(0, usedHeight - shape[1] - padInfo.top)],
        [padInfo.left, Math.max(0, usedWidth - shape[2] - padInfo.left)],
        [0, 0],
      ],
      constantValue: 0,
    },
  );
  const used = run(
    tf.Slice,
    { x: padded },
    { begin: [0, 0, 0, 0], size: [shape[0], usedHeight, usedWidth, inChannels] },
  );
  const images = run(tf.Transpose, { x: used }, { perm: [3, 1, 2, 0] });
  const taps = run(tf.Transpose, { x: dy }, { perm: [1, 2, 0, 3] });
  const summed = run(
    tf.Conv2D,
    { x: images, filter: taps },
    {
      strides: [1, 1],
      pad: 'valid',
      dilations: [strideHeight, strideWidth],
      dataFormat: 'NHWC',
    },
  );
  const gradient = one(kernel(tf.Transpose)({ inputs: { x: summed }, backend, attrs: { perm: [1, 2, 0, 3] } }));
  dispose(backend, made);
  if (gradient.shape.join() !== filterShape.join())
    throw new InternalError('training.gradient', `filter gradient has shape ${gradient.shape}, not ${filterShape}`);
  return gradient;
};

let plainMultiply: tf.KernelFunc | undefined;

/**
 * The backend multiplies matrices with XNNPACK, except where one is to be transposed on the way, as for every gradient:
 * there it falls back to a plain loop. Transposing first, in a step of its own, keeps it on the fast path.
 */
const transposingMultiply: tf.KernelFunc = ({ inputs, backend, attrs }) => {
  if (plainMultiply === undefined) throw missing('the multiplication');
  const made: tf.TensorInfo[] = [];
  const straight = (name: 'a' | 'b', transposed: unknown): tf.TensorInfo => {
    const matrix = inputs[name];
    if (matrix === undefined) throw missing(`matrix ${name}`);
    if (transposed !== true) return matrix;
    const axes = [...matrix.shape.keys()];
    const perm = [...axes.slice(0, -2), axes.length - 1, axes.length - 2];
    const turned = one(kernel(tf.Transpose)({ inputs: { x: matrix }, backend, attrs: { perm } }));
    made.push(turned);
    return turned;
  };
  const a = straight('a', attrs?.transposeA);
  const b = straight('b', attrs?.transposeB);
  const product = plainMultiply({ inputs: { a, b }, backend, attrs: { transposeA: false, transposeB: false } });
  dispose(backend, made);
  return product;
};

function kernel(name: string): tf.KernelFunc {
  const config = tf.getKernel(name, backendName);
  if (config === undefined)
    throw new UsageError('training.backend', `the wasm backend has no ${name}: use version 4 of it`);
  return config.kernelFunc;
}

function dispose(backend: unknown, tensors: readonly tf.TensorInfo[]): void {
  if (!(backend instanceof tf.KernelBackend)) throw missing('the backend');
  for (const { dataId } of tensors) backend.disposeData(dataId);
}

function one(tensors: tf.TensorInfo | tf.TensorInfo[]): tf.TensorInfo {
  if (Array.isArray(tensors)) throw missing('a single tensor');
  return tensors;
}

function four(shape: readonly number[]): [number, number, number, number] {
  const [batch, height, width, channels] = shape;
  if (batch === undefined || height === undefined || width === undefined || channels === undefined)
    throw missing('one of the four dimensions');
  return [batch, height, width, channels];
}

function missing(what: string): InternalError {
  return new InternalError('training.kernel', `${what} is missing in a call by TensorFlow.js`);
}
