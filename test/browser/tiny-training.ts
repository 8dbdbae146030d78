/** A tiny convolutional network that learns which way stripes run: the same in Node and in a page. */
import { BackendWasm } from '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import * as layers from '@tensorflow/tfjs-layers';
import {
  type Example,
  evaluate,
  getWeights,
  oneHot,
  prepareWasm,
  seededNumbers,
  shuffle,
  train,
  trainingData,
} from '../../src/fl/training/index.js';

const side = 9;
/** Across, down, aslant. */
const directions = [
  [1, 0],
  [0, 1],
  [1, 1],
] as const;

export interface TrainedInBackend {
  readonly backend: string;
  readonly weights: readonly number[];
  readonly losses: readonly number[];
  readonly accuracy: number;
  /** Tensors, their bytes and the backend's heap, after the first passes and after many more. */
  readonly memory: readonly Memory[];
}

interface Memory {
  readonly tensors: number;
  readonly bytes: number;
  readonly heapBytes: number;
}

export interface StripeOptions {
  /** Whether the backend gets what it lacks; once it has, it keeps it. */
  readonly prepared: boolean;
  /** Goes on after the weights are taken, and says what memory it took. */
  readonly steady: boolean;
}

export async function trainStripes({ prepared, steady }: StripeOptions): Promise<TrainedInBackend> {
  tf.enableProdMode();
  await tf.setBackend('wasm');
  if (prepared) prepareWasm();
  const model = network();
  const data = trainingData(examples(150, 'training'), {
    steps: [shuffle(), oneHot(3)],
    batchSize: 10,
    shape: [side, side, 1],
    seed: 1,
  });
  const loss = 'softmaxCrossEntropy';
  const { losses } = await train(model, data, { loss, learningRate: 0.2, epochs: 8 });
  const weights = [...(await getWeights(model))];
  const held = trainingData(examples(90, 'held out'), { steps: [oneHot(3)], shape: [side, side, 1] });
  const { accuracy } = await evaluate(model, held, { loss });
  const memory = [memoryNow()];
  if (steady) {
    await train(model, data, { loss, learningRate: 0.01, epochs: 20 });
    memory.push(memoryNow());
  }
  model.dispose();
  return { backend: tf.getBackend(), weights, losses, accuracy, memory };
}

function network(): layers.Sequential {
  const start = (seed: number) => ({ kernelInitializer: layers.initializers.glorotUniform({ seed }) });
  return layers.sequential({
    layers: [
      layers.layers.conv2d({
        inputShape: [side, side, 1],
        filters: 4,
        kernelSize: 3,
        strides: 2,
        padding: 'same',
        activation: 'relu',
        ...start(1),
      }),
      layers.layers.conv2d({ filters: 6, kernelSize: 3, activation: 'relu', ...start(2) }),
      layers.layers.flatten(),
      layers.layers.dense({ units: 3, ...start(3) }),
    ],
  });
}

/** Stripes of a random place and strength, with noise. */
function examples(count: number, label: string): readonly Example[] {
  const random = seededNumbers(7, label);
  return Array.from({ length: count }, (_, number) => {
    const kind = number % directions.length;
    const [across, down] = directions[kind] ?? directions[0];
    const phase = random() * 4;
    const features = Float32Array.from({ length: side * side }, (_, i) => {
      const place = across * (i % side) + down * Math.floor(i / side);
      return ((place + phase) % 4 < 2 ? 1 : 0) + 0.5 * random();
    });
    return { features, label: kind };
  });
}

function memoryNow(): Memory {
  const { numTensors, numBytes } = tf.memory();
  const backend = tf.backend();
  if (!(backend instanceof BackendWasm)) throw new Error('the backend is not wasm');
  const { wasm } = backend;
  if (!('HEAPU8' in wasm && wasm.HEAPU8 instanceof Uint8Array)) throw new Error('the backend shows no heap');
  return { tensors: numTensors, bytes: numBytes, heapBytes: wasm.HEAPU8.byteLength };
}
