/** From examples to mini-batches: plain iterables in, plain arrays out, the same from the same seed. */
import { checkInteger, checkNumber, checkOptions, describe } from '../../core/check.js';
import { UsageError } from '../../core/errors.js';
import { permutation, type Random, seededNumbers } from '../partition/random.js';

/**
 * Features in the order of their shape (rows, columns, channels), and a label: a number, or a row such as `oneHot`
 * makes.
 */
export interface Example {
  readonly features: ArrayLike<number>;
  readonly label: number | ArrayLike<number>;
}

/** Examples of one shape, one after the other. */
export interface Batch {
  readonly size: number;
  /** `size` times the product of `featureShape`. */
  readonly features: Float32Array;
  readonly featureShape: readonly number[];
  /** `size` times `labelSize`. */
  readonly labels: Float32Array;
  readonly labelSize: number;
}

/** What `train` reads: mini-batches, anew for each pass over the data. */
export interface TrainingData {
  /** `pass` counts from 0. The same pass gives the same batches. */
  batches(pass: number): Iterable<Batch>;
}

/**
 * One step of the preprocessing: examples in, examples out. `random` is the step's own stream, another in each pass.
 */
export type Step = (examples: Iterable<Example>, random: Random) => Iterable<Example>;

export interface TrainingDataOptions {
  /** In this order. */
  readonly steps?: readonly Step[];
  /** Examples a batch, 1 to 2^20; the last may have fewer. 32 where not given. */
  readonly batchSize?: number;
  /** The shape of one example's features; a vector where not given. */
  readonly shape?: readonly number[];
  /** An integer from 0 to 2^53 - 1; 0 where not given. */
  readonly seed?: number;
}

/**
 * Batches of what the steps make of the examples.
 *
 * @param source examples that can be read more than once (an array, a set), or a function that gives them anew
 * @throws UsageError `usage.*`; while it is read, `data.once` where a source that can be read only once is read again,
 *   and `data.shape` for an example that doesn't have the shape
 */
export function trainingData(
  source: Iterable<Example> | (() => Iterable<Example>),
  options: TrainingDataOptions = {},
): TrainingData {
  checkOptions('options', options);
  if (typeof source !== 'function' && (typeof source !== 'object' || source === null || !(Symbol.iterator in source)))
    throw new UsageError('usage.options', `source must be an iterable or a function, got ${describe(source)}`);
  const batchSize = checkInteger('options.batchSize', options.batchSize ?? 32, 1, 2 ** 20);
  const seed = checkInteger('options.seed', options.seed ?? 0, 0, Number.MAX_SAFE_INTEGER);
  const shape = options.shape?.map((side, index) => checkInteger(`options.shape[${index}]`, side, 1, 2 ** 24));
  const steps = options.steps ?? [];
  let last: Iterable<Example> | undefined;
  return {
    batches(pass) {
      checkInteger('pass', pass, 0, Number.MAX_SAFE_INTEGER);
      let examples = typeof source === 'function' ? source() : source;
      // What is its own iterator, such as a generator, is used up by the first pass.
      if (examples === last && Object.is(examples[Symbol.iterator](), examples))
        throw new UsageError(
          'data.once',
          'source can be read only once: give an array, or a function that starts anew',
        );
      last = examples;
      steps.forEach((step, index) => {
        examples = step(examples, seededNumbers(seed, `pass ${pass}, step ${index}`));
      });
      return intoBatches(examples, batchSize, shape);
    },
  };
}

function* intoBatches(examples: Iterable<Example>, batchSize: number, shape?: readonly number[]): Iterable<Batch> {
  let featureShape = shape;
  let labelSize: number | undefined;
  let held: Example[] = [];
  let number = 0;
  for (const example of examples) {
    featureShape ??= [example.features.length];
    labelSize ??= labelLength(example);
    const size = featureShape.reduce((product, side) => product * side, 1);
    if (example.features.length !== size || labelLength(example) !== labelSize)
      throw new UsageError(
        'data.shape',
        `example ${number} has ${example.features.length} features and a label of ${labelLength(example)}; ${size} and ${labelSize} are due`,
      );
    number += 1;
    held.push(example);
    if (held.length === batchSize) {
      yield batchOf(held, featureShape, labelSize);
      held = [];
    }
  }
  if (held.length > 0) yield batchOf(held, featureShape ?? [], labelSize ?? 1);
}

function batchOf(examples: readonly Example[], featureShape: readonly number[], labelSize: number): Batch {
  const size = examples.length;
  const length = examples[0]?.features.length ?? 0;
  const features = new Float32Array(size * length);
  const labels = new Float32Array(size * labelSize);
  examples.forEach((example, row) => {
    features.set(example.features, row * length);
    if (typeof example.label === 'number') labels[row] = example.label;
    else labels.set(example.label, row * labelSize);
  });
  return { size, features, featureShape, labels, labelSize };
}

function labelLength({ label }: Example): number {
  return typeof label === 'number' ? 1 : label.length;
}

/**
 * Feature minus `mean`, divided by `deviation` (not 0): bytes become 0 to 1 with `{ deviation: 255 }`. Throws
 * `UsageError`.
 */
export function normalize(options: { readonly mean?: number; readonly deviation?: number }): Step {
  const mean = checkNumber('mean', options.mean ?? 0, -Number.MAX_VALUE, Number.MAX_VALUE);
  const deviation = checkNumber('deviation', options.deviation ?? 1, Number.MIN_VALUE, Number.MAX_VALUE);
  return eachExample(({ features, label }) => {
    const scaled = new Float32Array(features.length);
    for (let i = 0; i < scaled.length; i++) scaled[i] = ((features[i] ?? 0) - mean) / deviation;
    return { features: scaled, label };
  });
}

/**
 * Labels 0 to `classes` - 1 become rows of zeros with a 1. While read, throws `UsageError` (`data.label`) for others.
 */
export function oneHot(classes: number): Step {
  checkInteger('classes', classes, 1, 2 ** 20);
  return eachExample(({ features, label }) => {
    if (typeof label !== 'number' || !Number.isInteger(label) || label < 0 || label >= classes)
      throw new UsageError('data.label', `a label must be an integer from 0 to ${classes - 1}, got ${describe(label)}`);
    const row = new Float32Array(classes);
    row[label] = 1;
    return { features, label: row };
  });
}

/**
 * Another random order in each pass. Holds `buffer` examples at a time, all where not given: with a buffer, a stream
 * that doesn't fit memory is mixed over that distance.
 */
export function shuffle(options: { readonly buffer?: number } = {}): Step {
  const buffer = options.buffer === undefined ? undefined : checkInteger('buffer', options.buffer, 1, 2 ** 30);
  return buffer === undefined ? shuffleAll : (examples, random) => shuffleStream(examples, buffer, random);
}

function* shuffleAll(examples: Iterable<Example>, random: Random): Iterable<Example> {
  const all = [...examples];
  for (const index of permutation(all.length, random)) {
    const example = all[index];
    if (example !== undefined) yield example;
  }
}

function* shuffleStream(examples: Iterable<Example>, buffer: number, random: Random): Iterable<Example> {
  const held: Example[] = [];
  for (const example of examples) {
    if (held.length < buffer) {
      held.push(example);
      continue;
    }
    const place = Math.floor(random() * buffer);
    const leaving = held[place];
    held[place] = example;
    if (leaving !== undefined) yield leaving;
  }
  yield* shuffleAll(held, random);
}

/** Changes each example's features at random: `change` gets them and gives new ones, of the same length. */
export function augment(change: (features: ArrayLike<number>, random: Random) => ArrayLike<number>): Step {
  if (typeof change !== 'function')
    throw new UsageError('usage.options', `change must be a function, got ${describe(change)}`);
  return eachExample(({ features, label }, random) => ({ features: change(features, random), label }));
}

/** The shape of an image whose features are in the order of rows, columns, channels. */
export interface ImageShape {
  readonly height: number;
  readonly width: number;
  /** 1 where not given. */
  readonly channels?: number;
}

/** For `augment`: moves an image by up to `by` pixels, each way alike; what comes in at the edges is 0. */
export function shiftImage(
  image: ImageShape & { readonly by: number },
): (features: ArrayLike<number>, random: Random) => Float32Array {
  const { height, width, channels } = checkImage(image);
  const by = checkInteger('by', image.by, 0, Math.min(height, width) - 1);
  return (features, random) => {
    const down = Math.floor(random() * (2 * by + 1)) - by;
    const across = Math.floor(random() * (2 * by + 1)) - by;
    return remap(features, { height, width, channels }, (row, column) => [row - down, column - across]);
  };
}

/** For `augment`: mirrors every second image, left to right. */
export function flipImage(image: ImageShape): (features: ArrayLike<number>, random: Random) => Float32Array {
  const { height, width, channels } = checkImage(image);
  return (features, random) => {
    const flipped = random() < 0.5;
    return remap(features, { height, width, channels }, (row, column) => [row, flipped ? width - 1 - column : column]);
  };
}

/** Each pixel from where `from` says; 0 from outside of the image. */
function remap(
  features: ArrayLike<number>,
  { height, width, channels }: Required<ImageShape>,
  from: (row: number, column: number) => readonly [number, number],
): Float32Array {
  const moved = new Float32Array(features.length);
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const [fromRow, fromColumn] = from(row, column);
      if (fromRow < 0 || fromRow >= height || fromColumn < 0 || fromColumn >= width) continue;
      for (let channel = 0; channel < channels; channel++) {
        const source = (fromRow * width + fromColumn) * channels + channel;
        moved[(row * width + column) * channels + channel] = features[source] ?? 0;
      }
    }
  }
  return moved;
}

function checkImage({ height, width, channels }: ImageShape): Required<ImageShape> {
  return {
    height: checkInteger('height', height, 1, 2 ** 15),
    width: checkInteger('width', width, 1, 2 ** 15),
    channels: checkInteger('channels', channels ?? 1, 1, 2 ** 10),
  };
}

function eachExample(change: (example: Example, random: Random) => Example): Step {
  return function* each(examples, random) {
    for (const example of examples) yield change(example, random);
  };
}

/** A data set in one piece: `labels.length` examples of `size` features each. */
export interface Dataset {
  readonly features: Float32Array | Uint8Array;
  readonly labels: ArrayLike<number>;
  /** Features an example. */
  readonly size: number;
}

/**
 * The examples of a data set, or the chosen ones, in that order: a client's part of a partition. Features aren't
 * copied.
 *
 * @throws UsageError `data.shape` if features and labels don't belong together; `usage.range` for a number that isn't
 *   one
 */
export function examplesOf({ features, labels, size }: Dataset, chosen?: ArrayLike<number>): readonly Example[] {
  checkInteger('size', size, 1, 2 ** 30);
  if (features.length !== size * labels.length)
    throw new UsageError(
      'data.shape',
      `${labels.length} labels need ${size * labels.length} features, got ${features.length}`,
    );
  return Array.from({ length: chosen?.length ?? labels.length }, (_, place) => {
    const example = checkInteger(
      `chosen[${place}]`,
      chosen === undefined ? place : chosen[place],
      0,
      labels.length - 1,
    );
    return { features: features.subarray(example * size, (example + 1) * size), label: labels[example] ?? 0 };
  });
}
