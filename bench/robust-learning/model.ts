/**
 * Softmax regression over digits of 14 x 14, 1,970 weights, worked out by hand: a convex model, as in the experiments
 * of the papers on MNIST, and so small that a thousand trainings take minutes.
 */
import { type Random, seededNumbers } from 'veilsum/fl';
import { type Digits as AllDigits, classes, holdOut, loadDigits, pooled } from '../../examples/digits/digits.js';

/** Images without their black pixels, which are half of them; the last value of each is a 1, for the bias. */
export interface Examples {
  /** Where each example's values begin, and where the last one's end. */
  readonly starts: Int32Array;
  /** Each value's pixel. */
  readonly places: Int16Array;
  readonly values: Float32Array;
  readonly labels: Uint8Array;
}

export interface Digits {
  /** Dealt out to the clients. */
  readonly training: Examples;
  readonly test: Examples;
  /** The server's own few, which FLTrust needs. */
  readonly root: Examples;
}

const held = { test: 2000, root: 100 };
const side = 14;

/** How many weights: a row of ten for each pixel, then the biases. */
export const dimension: number = (side * side + 1) * classes;

/** The digits for a seed, which says who holds which. */
export async function splitDigits(seed: number): Promise<Digits> {
  const random = seededNumbers(seed, 'held out');
  const { training: rest, test } = holdOut(await loadDigits(), held.test, random);
  const { training, test: root } = holdOut(rest, held.root, random);
  return { training: examplesOf(training), test: examplesOf(test), root: examplesOf(root) };
}

function examplesOf(digits: AllDigits): Examples {
  const { values, size, labels } = pooled(digits, 28 / side);
  const starts = new Int32Array(labels.length + 1);
  const found: { readonly place: number; readonly value: number }[] = [];
  for (let example = 0; example < labels.length; example++) {
    values.subarray(example * size, (example + 1) * size).forEach((value, place) => {
      if (value !== 0) found.push({ place, value });
    });
    found.push({ place: size, value: 1 });
    starts[example + 1] = found.length;
  }
  return {
    starts,
    places: Int16Array.from(found, ({ place }) => place),
    values: Float32Array.from(found, ({ value }) => value),
    labels,
  };
}

/** The gradient of the mean cross entropy over `batch`; `labelOf` tells what to take for an example's label. */
export function gradient(
  model: Float32Array,
  examples: Examples,
  batch: Int32Array,
  labelOf: (label: number) => number = (label) => label,
): Float32Array {
  const { starts, places, values, labels } = examples;
  const sum = new Float32Array(model.length);
  const errors = new Float64Array(classes);
  for (const example of batch) {
    probabilities(model, examples, example, errors);
    const label = labelOf(labels[example] ?? 0);
    errors[label] = at(errors, label) - 1;
    for (let k = at(starts, example); k < at(starts, example + 1); k++) {
      const value = at(values, k) / batch.length;
      const row = at(places, k) * classes;
      for (let c = 0; c < classes; c++) sum[row + c] = at(sum, row + c) + value * at(errors, c);
    }
  }
  return sum;
}

/** The part of the examples, 0 to 1, that the model names rightly. */
export function accuracy(model: Float32Array, examples: Examples): number {
  const chances = new Float64Array(classes);
  let right = 0;
  examples.labels.forEach((label, example) => {
    probabilities(model, examples, example, chances);
    if (chances.indexOf(Math.max(...chances)) === label) right += 1;
  });
  return right / examples.labels.length;
}

/** `count` of a client's examples, drawn with replacement. */
export function drawBatch(hand: Int32Array, count: number, random: Random): Int32Array {
  return Int32Array.from({ length: count }, () => hand[Math.floor(random() * hand.length)] ?? 0);
}

function probabilities(model: Float32Array, examples: Examples, example: number, out: Float64Array): void {
  const { starts, places, values } = examples;
  out.fill(0);
  for (let k = at(starts, example); k < at(starts, example + 1); k++) {
    const value = at(values, k);
    const row = at(places, k) * classes;
    for (let c = 0; c < classes; c++) out[c] = at(out, c) + value * at(model, row + c);
  }
  let most = Number.NEGATIVE_INFINITY;
  for (let c = 0; c < classes; c++) most = Math.max(most, at(out, c));
  let total = 0;
  for (let c = 0; c < classes; c++) {
    out[c] = Math.exp(at(out, c) - most);
    total += at(out, c);
  }
  for (let c = 0; c < classes; c++) out[c] = at(out, c) / total;
}

/** `values[index]`, in range by the caller's loop: this is where all the time goes. */
function at(values: ArrayLike<number>, index: number): number {
  return values[index] as number;
}
