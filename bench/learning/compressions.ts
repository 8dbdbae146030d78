/** Accuracy against bytes, for each way of making uploads and downloads shorter. */
import type { CompressionInput, DownloadInput } from 'veilsum/fl';
import { lineChart, scatterChart } from '#veilsum/cli/chart.js';
import { halfSide } from './data.js';
import type { Pool } from './pool.js';
import { clientRate, type RunResult, type RunSpec, type Upload } from './run.js';
import { perRound } from './setting.js';
import { finalAccuracy, mean, meanCurve, percent, points, smoothed } from './summary.js';

/** Values of each layer of the benchmark's network: kernels and biases. */
const layers = [halfSide ** 2 * 32, 32, 32 * 10, 10];
const weights = layers.reduce((sum, size) => sum + size, 0);

const feedback: CompressionInput = { kind: 'error-feedback' };
const rotate: CompressionInput = { kind: 'rotate' };
const sketch: CompressionInput = { kind: 'count-sketch', rows: 5, columns: 256, top: 400 };
/**
 * Where the server keeps what it didn't take out, few are taken at a time: what is taken of mere noise comes back as
 * noise.
 */
const residualSketch: CompressionInput = { kind: 'count-sketch', rows: 3, columns: 512, top: 32 };

/** Stages before a quantizer of `bits` bits, whose range is found out by a run without it. */
interface Quantized {
  readonly name: string;
  readonly stages: readonly CompressionInput[];
  readonly bits: number;
  readonly serverResidual?: boolean;
}

/** Uploads that are complete; of several the one that does best on the seed of choices is taken. */
interface Whole {
  readonly name: string;
  readonly uploads: readonly Upload[];
  readonly download?: DownloadInput;
}

export const float = 'float32, no masking';
export const fourBits = 'rotate, 4 bits';
export const fewerFourBits = 'random 75%, rotate, 4 bits';
export const scaledFourBits = 'layer scales, random 78%, rotate, 4 bits';

export const schemes: readonly (Quantized | Whole)[] = [
  { name: float, uploads: [{ kind: 'float' }] },
  { name: '8 bits', stages: [], bits: 8 },
  { name: '4 bits', stages: [], bits: 4 },
  { name: fourBits, stages: [rotate], bits: 4 },
  { name: fewerFourBits, stages: [{ kind: 'random-k', fraction: 0.75 }, rotate], bits: 4 },
  {
    name: scaledFourBits,
    stages: [{ kind: 'layer-scales', layers }, { kind: 'random-k', fraction: 0.78 }, rotate],
    bits: 4,
  },
  { name: 'layer scales, rotate, 4 bits', stages: [{ kind: 'layer-scales', layers }, rotate], bits: 4 },
  { name: 'pruning mask 50%, rotate, 4 bits', stages: [{ kind: 'pruning-mask', fraction: 0.5 }, rotate], bits: 4 },
  { name: 'random 10%, 8 bits', stages: [{ kind: 'random-k', fraction: 0.1 }], bits: 8 },
  {
    name: 'random 10% with error feedback, 8 bits',
    stages: [feedback, { kind: 'random-k', fraction: 0.1, scaling: 'keep' }],
    bits: 8,
  },
  { name: 'count sketch, 8 bits', stages: [sketch], bits: 8 },
  { name: "count sketch with the server's residual, 8 bits", stages: [residualSketch], bits: 8, serverResidual: true },
  {
    name: 'sign vote',
    uploads: [0.001, 0.002, 0.004].map(
      (magnitude): Upload => ({ kind: 'masked', stages: [{ kind: 'sign-vote', magnitude }] }),
    ),
  },
  { name: 'top 5%, no masking', uploads: [{ kind: 'top-k', fraction: 0.05, feedback: false }] },
  { name: 'top 5% with error feedback, no masking', uploads: [{ kind: 'top-k', fraction: 0.05, feedback: true }] },
  { name: 'download: model of 8 bits', uploads: [{ kind: 'float' }], download: { kind: 'quantized-model', bits: 8 } },
  { name: 'download: deltas of 4 bits', uploads: [{ kind: 'float' }], download: { kind: 'delta', bits: 4 } },
];

export interface CompressionSetting {
  readonly data: string;
  readonly alpha: number;
  readonly rounds: number;
  readonly seeds: readonly number[];
  /** Ranges, scales and magnitudes are chosen with this one. */
  readonly choiceSeed: number;
}

export interface SchemeRuns {
  readonly name: string;
  readonly runs: readonly RunResult[];
}

export interface CompressionReport {
  readonly markdown: string;
  readonly pictures: ReadonlyMap<string, string>;
  readonly schemes: readonly SchemeRuns[];
}

export async function compareCompressions(pool: Pool, setting: CompressionSetting): Promise<CompressionReport> {
  const { data, alpha, seeds } = setting;
  const rows = await Promise.all(
    schemes.map(async (scheme): Promise<SchemeRuns> => {
      const [upload, download] = await chosen(pool, setting, scheme);
      const runs = seeds.map((seed) => pool.run({ ...specOf(setting, seed, upload), ...(download && { download }) }));
      return { name: scheme.name, runs: await Promise.all(runs) };
    }),
  );
  const title = `${data}, Dirichlet(${alpha})`;
  const [byRound, byBytes] = [`learning-compression-${data}-${alpha}.svg`, `learning-bytes-${data}-${alpha}.svg`];
  return {
    schemes: rows,
    markdown: [
      table(title, rows),
      `![accuracy against bytes](${byBytes})`,
      '',
      `![accuracy by bytes sent](${byRound})`,
      '',
    ].join('\n'),
    pictures: new Map([
      [byBytes, await bytesChart(title, rows)],
      [byRound, await courseChart(title, rows)],
    ]),
  };
}

function specOf({ data, alpha, rounds }: CompressionSetting, seed: number, upload: Upload): RunSpec {
  const optimizer = { kind: 'fedavg' } as const;
  return { data, alpha, seed, rounds, optimizer, learningRate: clientRate, weights: 'uniform', upload };
}

async function chosen(
  pool: Pool,
  setting: CompressionSetting,
  scheme: Quantized | Whole,
): Promise<readonly [Upload, DownloadInput | undefined]> {
  if ('bits' in scheme) return [await quantizedUpload(pool, setting, scheme), undefined];
  const { uploads, download } = scheme;
  const [only] = uploads;
  if (only === undefined) throw new Error(`${scheme.name} has no upload`);
  if (uploads.length === 1) return [only, download];
  const scored = await Promise.all(
    uploads.map(async (upload) => {
      const { accuracies } = await pool.run(specOf(setting, setting.choiceSeed, upload));
      return { upload, score: finalAccuracy(accuracies) };
    }),
  );
  return [scored.reduce((best, next) => (next.score > best.score ? next : best)).upload, download];
}

async function quantizedUpload(pool: Pool, setting: CompressionSetting, scheme: Quantized): Promise<Upload> {
  const { stages, bits, serverResidual } = scheme;
  const calibration = await pool.run(specOf(setting, setting.choiceSeed, { kind: 'calibration', stages, bits }));
  const { range, scales } = calibration;
  if (range === undefined) throw new Error('a calibration gives a range');
  return {
    kind: 'masked',
    stages: [...stages, { kind: 'quantize', bits, range }],
    ...(scales && { scales }),
    ...(serverResidual && { serverResidual }),
  };
}

export function finalsOf({ runs }: SchemeRuns): readonly number[] {
  return runs.map(({ accuracies }) => finalAccuracy(accuracies));
}

/** Up and down, against float32 both ways. */
export function sharesOf({ runs }: SchemeRuns): { readonly up: number; readonly down: number } {
  const whole = 4 * weights;
  return {
    up: mean(runs.map(({ bytesUp }) => bytesUp)) / whole,
    down: mean(runs.map(({ bytesDown }) => bytesDown)) / whole,
  };
}

function table(title: string, rows: readonly SchemeRuns[]): string {
  const base = finalsOf(rows.find(({ name }) => name === float) ?? { name: float, runs: [] });
  const lines = rows.map((row) => {
    const final = finalsOf(row);
    const { up, down } = sharesOf(row);
    const bytes = Math.round(mean(row.runs.map(({ bytesUp }) => bytesUp)));
    const difference = row.name === float ? '' : points(final.map((value, i) => value - (base[i] ?? 0)));
    return `| ${row.name} | ${bytes} | ${percent(up)} | ${percent(down)} | ${percent(mean(final))} | ${difference} |`;
  });
  return [
    `## ${title}`,
    '',
    '| scheme | bytes of an upload | of float32 | download, of float32 | accuracy | points to float32 |',
    '|---|---|---|---|---|---|',
    ...lines,
    '',
  ].join('\n');
}

/** Uploads alone: downloads are in the table. */
function uploading(rows: readonly SchemeRuns[]): readonly SchemeRuns[] {
  return rows.filter(({ name }) => !name.startsWith('download'));
}

function bytesChart(title: string, rows: readonly SchemeRuns[]): Promise<string> {
  return scatterChart({
    title: `${title}: accuracy against bytes`,
    x: { name: 'bytes of an upload', scale: 'log' },
    y: { name: 'accuracy in the end' },
    height: 640,
    series: uploading(rows).map((row) => ({
      name: row.name,
      points: [[mean(row.runs.map(({ bytesUp }) => bytesUp)), mean(finalsOf(row))] as const],
    })),
  });
}

function courseChart(title: string, rows: readonly SchemeRuns[]): Promise<string> {
  return lineChart({
    title: `${title}: accuracy by bytes sent so far`,
    x: { name: 'bytes that all clients sent', scale: 'log' },
    y: { name: 'accuracy, mean of five rounds' },
    height: 640,
    series: uploading(rows).map(({ name, runs }) => {
      const each = perRound * mean(runs.map(({ bytesUp }) => bytesUp));
      const curve = smoothed(meanCurve(runs.map(({ accuracies }) => accuracies)));
      return { name, points: curve.map((value, round) => [(round + 1) * each, value] as const) };
    }),
  });
}
