/** The two reports, with what they show. */
import {
  type CompressionReport,
  compareCompressions,
  fewerFourBits,
  finalsOf,
  float,
  fourBits,
  scaledFourBits,
  sharesOf,
} from './compressions.js';
import { compareOptimizers, type OptimizerReport } from './optimizers.js';
import type { Pool } from './pool.js';
import { clientRate } from './run.js';
import { clients, perRound } from './setting.js';
import { mean, percent, points } from './summary.js';

export interface PartSetting {
  readonly data: string;
  readonly alphas: readonly number[];
  readonly rounds: number;
  readonly seeds: readonly number[];
  readonly choiceSeed: number;
}

export interface Report {
  readonly markdown: string;
  readonly pictures: ReadonlyMap<string, string>;
}

export async function optimizerPart(pool: Pool, setting: PartSetting): Promise<Report> {
  const report = await compareOptimizers(pool, setting);
  const markdown = [
    `# Server optimizers: ${setting.data}`,
    '',
    ...made(setting, 'optimizers'),
    `Clients count for their examples and train at rate ${clientRate}. Server rates are the best of three, a factor of 2 apart, for each optimizer alike:`,
    `by the accuracy in the end at Dirichlet(${Math.min(...setting.alphas)}) on seed ${setting.choiceSeed}, which no table shows. The middle ones are 1 (FedAvg, FedNova, SCAFFOLD),`,
    '0.3 (FedAvgM), 0.02 (FedAdam, FedYogi) and 0.05 (FedAdagrad): where another was chosen, one further out might do better still.',
    '',
    '*Rounds to* counts up to the first of five rounds that have the accuracy on average. Points are of the mean over seeds, with its standard',
    'error: seeds share who has which examples and who takes part, so differences say more than accuracies.',
    '',
    '## What it shows',
    '',
    adaptiveClaim(setting.data, report, Math.min(...setting.alphas)),
    '',
    report.markdown,
  ].join('\n');
  return { markdown, pictures: report.pictures };
}

export async function compressionPart(pool: Pool, setting: PartSetting): Promise<Report> {
  const reports: (readonly [string, CompressionReport])[] = [];
  for (const alpha of setting.alphas)
    reports.push([`${setting.data}, Dirichlet(${alpha})`, await compareCompressions(pool, { ...setting, alpha })]);
  const markdown = [
    `# Compression: ${setting.data}`,
    '',
    ...made(setting, 'compression'),
    `FedAvg, clients at learning rate ${clientRate}, each counting the same. All but float32 and top-k go through the quantizer, the packed ring vector and the`,
    `sum mod 2^b; bytes are those of all messages that bring one masked input, taken from a session of ${perRound} clients. Masks are left out of`,
    'the sum, since they cancel in it. Quantizer ranges are those with the least error on updates of',
    `seed ${setting.choiceSeed}, and the vote's magnitude is the best of three on it; no table shows that seed.`,
    '',
    'Accuracy is the mean of the last ten rounds and of the seeds. Points are of the mean over seeds, with its standard error: seeds share who has',
    'which examples and who takes part, so differences say more than accuracies. *Download* is of what a client of a round fetches; one that',
    'holds an old version fetches all deltas since, or the whole model where that is less.',
    '',
    '## What it shows',
    '',
    `A quarter is what 4 bits cost with ${perRound} clients: the sum of ${perRound} values needs 4 bits more than one. Sending about three quarters of the coordinates,`,
    'the same for all clients of a round, brings that below a fifth.',
    '',
    ...reports.flatMap(([title, report]) =>
      [fourBits, fewerFourBits, scaledFourBits].map((name) => bitsClaim(title, report, name)),
    ),
    '',
    ...reports.map(([, { markdown: tables }]) => tables),
  ].join('\n');
  return { markdown, pictures: merged(reports.map(([, report]) => report)) };
}

function made({ rounds, seeds }: PartSetting, part: string): readonly string[] {
  return [
    `Made on ${new Date().toISOString().slice(0, 10)} by \`npm run bench:learning -- --part ${part}\`: images of 14 x 14, a network of 196-32-10, ${perRound} of ${clients} clients a`,
    `round, each with one pass over its own examples, 40 at a time; ${rounds} rounds, seeds ${seeds.join(', ')}.`,
  ];
}

function merged(reports: readonly Report[]): ReadonlyMap<string, string> {
  return new Map(reports.flatMap(({ pictures }) => [...pictures]));
}

function adaptiveClaim(data: string, { atLowest }: OptimizerReport, alpha: number): string {
  const finals = (name: string): readonly number[] => atLowest.get(name) ?? [];
  const against = (name: string): string => points(finals(name).map((value, i) => value - (finals('FedAvg')[i] ?? 0)));
  const beats = Math.max(mean(finals('FedAdam')), mean(finals('FedYogi'))) > mean(finals('FedAvg'));
  return `- ${data}, Dirichlet(${alpha}): FedAdam or FedYogi beats FedAvg: **${beats ? 'yes' : 'no'}** (${against('FedAdam')} and ${against('FedYogi')} points).`;
}

function bitsClaim(title: string, { schemes }: CompressionReport, name: string): string {
  const [row, base] = [name, float].map((wanted) => schemes.find((scheme) => scheme.name === wanted));
  if (row === undefined || base === undefined) throw new Error(`${name} was not run`);
  const differences = finalsOf(row).map((value, i) => value - (finalsOf(base)[i] ?? 0));
  const within = mean(differences) >= -0.005;
  const { up } = sharesOf(row);
  return `- ${title}: ${name}: ${points(differences)} points to float32, within half a point: **${within ? 'yes' : 'no'}**; ${percent(up)} of the bytes, a fifth or less: **${up <= 0.2 ? 'yes' : 'no'}**.`;
}
