/** The two data sets of the learning benchmark, in one form: handwritten digits, and Fashion-MNIST where it is installed. */
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
  /** 8,000 examples, which are dealt to the clients, and 2,000 others; features from 0 to 1. */
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

function sample(name: string, { features, labels, size }: Dataset): LearningData {
  const order = permutation(labels.length, seededNumbers(1, name));
  const part = (from: number, count: number): Dataset => {
    const chosen = order.subarray(from, from + count);
    const scaled = new Float32Array(count * size);
    chosen.forEach((example, row) => {
      for (let i = 0; i < size; i++) scaled[row * size + i] = (features[example * size + i] ?? 0) / 255;
    });
    return { features: scaled, labels: Uint8Array.from(chosen, (example) => labels[example] ?? 0), size };
  };
  const held = examplesOf(part(sizes.training, sizes.test));
  return { name, training: part(0, sizes.training), test: trainingData(held, { steps: [oneHot(10)], batchSize: 500 }) };
}
