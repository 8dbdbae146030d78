/**
 * What compression costs and loses. Prints CPU times, and writes the tables of docs/compression.md, which hold only
 * what is the same on every machine: bytes and errors.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import {
  contextOf,
  dimension,
  downloadCost,
  downloadError,
  downloads,
  schemes,
  updates,
  uploadCost,
  uploadError,
  withQuantizer,
} from './compression-schemes.js';
import { cpuSeconds, type Measurement, median } from './measurement.js';

const page = 'docs/compression.md';
const repetitions = 7;

/** Bytes, error and speed of each scheme; then rewrites the tables in the docs, where they differ. */
export async function* compressionBenches(): AsyncGenerator<Measurement> {
  const uploads: string[] = [];
  for (const scheme of schemes) {
    const { name, linear, unbiased, values, ringBits, bytes, share } = uploadCost(scheme);
    const { once, averaged } = uploadError(scheme);
    uploads.push(
      `| ${name} | ${mark(linear)} | ${mark(unbiased)} | ${values} | ${ringBits} | ${bytes} | ${percent(share)} | ${error(once.whole)} | ${error(once.layers)} | ${error(averaged.whole)} |`,
    );
    yield { name: `compression/${name}`, value: bytes, unit: 'bytes', ratio: share, against: 'float32' };
    const compression = withQuantizer(scheme);
    const [update = new Float32Array(dimension)] = updates;
    const context = { ...contextOf(0, 0, compression.specs), residual: new Float32Array(dimension) };
    const sent = compression.client(update, context);
    const sum = Float64Array.from(sent);
    yield speed(`${name}/client`, await times(() => compression.client(update, context)));
    yield speed(`${name}/server`, await times(() => compression.server(sum, context)));
  }
  const down: string[] = [];
  for (const download of downloads) {
    const { name, bytes, share } = downloadCost(download);
    down.push(`| ${name} | ${bytes} | ${percent(share)} | ${error(downloadError(download))} |`);
    yield { name: `compression/${name}`, value: bytes, unit: 'bytes', ratio: share, against: 'float32' };
  }
  const before = readFileSync(page, 'utf8');
  const after = replaceTable(replaceTable(before, 'uploads', uploads), 'downloads', down);
  if (after !== before) writeFileSync(page, after);
}

async function times(task: () => unknown): Promise<number> {
  await task();
  const seconds: number[] = [];
  for (let i = 0; i < repetitions; i += 1) seconds.push(await cpuSeconds(task));
  return median(seconds);
}

function speed(name: string, seconds: number): Measurement {
  return { name: `compression/${name}`, value: (1e9 * seconds) / dimension, unit: 'ns/value' };
}

const mark = (claim: boolean): string => (claim ? 'yes' : 'no');
const percent = (share: number): string => `${(100 * share).toFixed(1)}%`;
const error = (value: number): string => value.toPrecision(2);

/** The rows between the table's head and `<!-- end of NAME -->`. */
function replaceTable(text: string, name: string, rows: readonly string[]): string {
  const end = text.indexOf(`<!-- end of ${name} -->`);
  const start = text.indexOf(`<!-- ${name} -->`);
  if (start === -1 || end < start) throw new Error(`${page} has no table ${name}`);
  const head = text.slice(start, end).split('\n').slice(0, 3).join('\n');
  return `${text.slice(0, start)}${head}\n${rows.join('\n')}\n${text.slice(end)}`;
}
