/** `veilsum/training/datasets`: data sets on the disk of whoever runs Node. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { checkChoice } from '../../core/check.js';
import { PeerError } from '../../core/errors.js';
import type { Dataset } from './data.js';
import { decodeIdx } from './idx.js';

/** Where Debian's package `dataset-fashion-mnist` puts its files. */
const debianFolder = '/usr/share/datasets/fashion-mnist';

const fileNames = {
  train: ['train-images-idx3-ubyte.gz', 'train-labels-idx1-ubyte.gz'],
  test: ['t10k-images-idx3-ubyte.gz', 't10k-labels-idx1-ubyte.gz'],
} as const;

/** A data set of images, with its shape: height, width, channels. */
export interface ImageDataset extends Dataset {
  readonly shape: readonly [number, number, number];
}

/**
 * Fashion-MNIST (Xiao et al., 2017): grey images of 28 x 28 bytes of ten kinds of clothing, 60,000 for training, 10,000
 * for testing.
 *
 * @param part which of the two
 * @param folder with the four files; where Debian's package `dataset-fashion-mnist` puts them, if not given
 * @returns undefined if the files aren't there
 * @throws UsageError `usage.choice`; PeerError `codec.malformed`, `idx.*` if a file isn't what it should be
 */
export async function loadFashionMnist(
  part: 'train' | 'test',
  folder: string = debianFolder,
): Promise<ImageDataset | undefined> {
  const [imageFile, labelFile] = fileNames[checkChoice('part', part, ['train', 'test'])];
  const [images, labels] = await Promise.all([readIdx(join(folder, imageFile)), readIdx(join(folder, labelFile))]);
  if (images === undefined || labels === undefined) return undefined;
  const [count, height, width] = images.shape;
  if (height === undefined || width === undefined || images.shape.length !== 3 || labels.shape.join() !== `${count}`)
    throw new PeerError(
      'idx.shape',
      `${imageFile} has shape ${images.shape}, its labels ${labels.shape}: not a set of images`,
    );
  return { features: images.values, labels: labels.values, size: height * width, shape: [height, width, 1] };
}

async function readIdx(file: string): Promise<ReturnType<typeof decodeIdx> | undefined> {
  const packed = await readFile(file).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  });
  return packed === undefined ? undefined : decodeIdx(await promisify(gunzip)(packed));
}
