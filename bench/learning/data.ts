/**
 * The two data sets of the learning benchmark, in one form: handwritten digits, and Fashion-MNIST where it is
 * installed.
 */
import { permutation } from 'veilsum/fl';
import {
  type Dataset,
  examplesOf,
  oneHot,
  seededNumbers,
  shuffle,
  type TrainingData,
  trainingData,
} from 'veilsum/training';
import { loadFashionMnist } from 'veilsum/training/datasets';
import { loadDigits, pixels } from '../../examples/digits/digits.js';

export interface LearningData {
  readonly name: string;
  /** 8,000 examples, which are dealt to the clients, and 2,000 others: images halved to 14 x 14, from 0 to 1. */
  readonly training: Dataset;
  readonly test: TrainingData;
}

const sizes = { training: 8000, test: 2000 };

/** `fashionFolder` for where Fashion-MNIST is, if not where Debian puts it. */
export async function loadLearningData(fashionFolder?: string): Promise<readonly LearningData[]> {
  const { images, labels } = await loadDigits();
  const fashion = await loadFashionMnist('train', fashionFolder);
  const digits = { features: images, labels, size: pixels };
  return [sample('digits', digits), ...(fashion === undefined ? [] : [sample('fashion-mnist', fashion)])];
}

/** What a client trains with: its examples, in another order in each round. */
export function clientData(training: Dataset, hand: Int32Array, seed: number): TrainingData {
  return trainingData(examplesOf(training, hand), { steps: [shuffle(), oneHot(10)], batchSize: 40, seed });
}

/**
 * Sides of the images as they come, and as they are learned: a quarter of the pixels tell as much here, and cost less.
 */
const side = 28;
export const halfSide = 14;

function sample(name: string, { features, labels, size }: Dataset): LearningData {
  const order = permutation(labels.length, seededNumbers(1, name));
  const part = (from: number, count: number): Dataset => {
    const chosen = order.subarray(from, from + count);
    const halved = new Float32Array(count * halfSide ** 2);
    chosen.forEach((example, row) => {
      halved.set(halve(features.subarray(example * size, (example + 1) * size)), row * halfSide ** 2);
    });
    return {
      features: halved,
      labels: Uint8Array.from(chosen, (example) => labels[example] ?? 0),
      size: halfSide ** 2,
    };
  };
  const held = examplesOf(part(sizes.training, sizes.test));
  return { name, training: part(0, sizes.training), test: trainingData(held, { steps: [oneHot(10)], batchSize: 500 }) };
}

/** Means of 2 x 2 bytes, from 0 to 1. */
function halve(image: ArrayLike<number>): Float32Array {
  return Float32Array.from({ length: halfSide ** 2 }, (_, i) => {
    const corner = 2 * side * Math.floor(i / halfSide) + 2 * (i % halfSide);
    const sum = [0, 1, side, side + 1].reduce((total, step) => total + (image[corner + step] ?? 0), 0);
    return sum / (4 * 255);
  });
}
