/** Rounds to an accuracy, and accuracy in the end, of each server optimizer. */
import type { OptimizerInput } from 'veilsum/fl';
import { lineChart } from '#veilsum/cli/chart.js';
import type { Pool } from './pool.js';
import { clientRate, type RunResult, type RunSpec } from './run.js';
import { clients } from './setting.js';
import { finalAccuracy, mean, meanCurve, percent, points, smoothed } from './summary.js';

/** Server learning rates around which is searched, and the optimizer at each. */
const candidates: Readonly<
  Record<string, { readonly middle: number; readonly at: (learningRate: number) => OptimizerInput }>
> = {
  FedAvg: { middle: 1, at: (learningRate) => ({ kind: 'fedavg', learningRate }) },
  FedAvgM: { middle: 0.3, at: (learningRate) => ({ kind: 'fedavgm', momentum: 0.9, learningRate }) },
  FedAdam: { middle: 0.02, at: (learningRate) => ({ kind: 'fedadam', learningRate }) },
  FedYogi: { middle: 0.02, at: (learningRate) => ({ kind: 'fedyogi', learningRate }) },
  FedAdagrad: { middle: 0.05, at: (learningRate) => ({ kind: 'fedadagrad', learningRate }) },
  FedNova: { middle: 1, at: (learningRate) => ({ kind: 'fednova', learningRate }) },
  SCAFFOLD: { middle: 1, at: (learningRate) => ({ kind: 'scaffold', clients, learningRate }) },
};

/** The grid, the same for all: what the middle is multiplied with. */
const factors = [0.5, 1, 2];

/** What counts as having learned: the first of five rounds in a row with this accuracy on average. */
const targets: Readonly<Record<string, number>> = { digits: 0.75, 'fashion-mnist': 0.6 };

export interface OptimizerSetting {
  readonly data: string;
  readonly alphas: readonly number[];
  readonly rounds: number;
  readonly seeds: readonly number[];
  /** Rates are chosen with this one, and at the lowest alpha. */
  readonly choiceSeed: number;
}

interface Choice {
  readonly name: string;
  readonly optimizer: OptimizerInput;
  readonly serverRate: number;
}

interface Row {
  readonly choice: Choice;
  readonly alpha: number;
  readonly runs: readonly RunResult[];
}

export interface OptimizerReport {
  readonly markdown: string;
  readonly pictures: ReadonlyMap<string, string>;
  /** Accuracy in the end at the lowest alpha, by optimizer and seed. */
  readonly atLowest: ReadonlyMap<string, readonly number[]>;
}

export async function compareOptimizers(pool: Pool, setting: OptimizerSetting): Promise<OptimizerReport> {
  const { data, alphas, seeds } = setting;
  const choices = await Promise.all(Object.keys(candidates).map((name) => choose(pool, setting, name)));
  const rows = await Promise.all(
    alphas.flatMap((alpha) =>
      choices.map(
        async (choice): Promise<Row> => ({
          choice,
          alpha,
          runs: await Promise.all(seeds.map((seed) => pool.run({ ...specOf(setting, choice), alpha, seed }))),
        }),
      ),
    ),
  );
  const pictures = new Map<string, string>();
  const parts: string[] = [];
  for (const alpha of alphas) {
    const here = rows.filter((row) => row.alpha === alpha);
    const picture = `learning-optimizers-${data}-${alpha}.svg`;
    parts.push(
      table(`${data}, Dirichlet(${alpha})`, here, targets[data] ?? 0.8),
      `![accuracy by round](${picture})`,
      '',
    );
    pictures.set(picture, await chart(`${data}, Dirichlet(${alpha})`, here));
  }
  const lowest = rows.filter(({ alpha }) => alpha === Math.min(...alphas));
  return {
    markdown: parts.join('\n'),
    pictures,
    atLowest: new Map(lowest.map(({ choice, runs }) => [choice.name, finals(runs)])),
  };
}

function specOf({ data, rounds }: OptimizerSetting, { optimizer }: Choice): Omit<RunSpec, 'alpha' | 'seed'> {
  return { data, rounds, optimizer, learningRate: clientRate, weights: 'examples', upload: { kind: 'float' } };
}

/** The rates with the best accuracy in the end, on a seed that no table shows. */
async function choose(pool: Pool, setting: OptimizerSetting, name: string): Promise<Choice> {
  const candidate = candidates[name];
  if (candidate === undefined) throw new Error(`there is no optimizer ${name}`);
  const tried = factors.map((factor): Choice => {
    const serverRate = factor * candidate.middle;
    return { name, optimizer: candidate.at(serverRate), serverRate };
  });
  const alpha = Math.min(...setting.alphas);
  const scored = await Promise.all(
    tried.map(async (choice) => {
      const { accuracies } = await pool.run({ ...specOf(setting, choice), alpha, seed: setting.choiceSeed });
      return { choice, score: finalAccuracy(accuracies) };
    }),
  );
  return scored.reduce((best, next) => (next.score > best.score ? next : best)).choice;
}

function finals(runs: readonly RunResult[]): readonly number[] {
  return runs.map(({ accuracies }) => finalAccuracy(accuracies));
}

/** From 1; undefined if never. */
function roundsTo(target: number, { accuracies }: RunResult): number | undefined {
  const reached = smoothed(accuracies).findIndex((value, round) => round >= 4 && value >= target);
  return reached < 0 ? undefined : reached - 3;
}

function table(title: string, rows: readonly Row[], target: number): string {
  const base = finals(rows.find(({ choice }) => choice.name === 'FedAvg')?.runs ?? []);
  const lines = rows.map(({ choice, runs }) => {
    const reached = runs.map((run) => roundsTo(target, run));
    const known = reached.filter((round) => round !== undefined);
    const all = known.length === reached.length;
    const rounds = all
      ? mean(known).toFixed(0)
      : `not reached by ${reached.length - known.length} of ${reached.length}`;
    const final = finals(runs);
    const difference = choice.name === 'FedAvg' ? '' : points(final.map((value, i) => value - (base[i] ?? 0)));
    return `| ${choice.name} | ${choice.serverRate} | ${rounds} | ${percent(mean(final))} | ${difference} |`;
  });
  return [
    `## ${title}`,
    '',
    `| optimizer | server rate | rounds to ${(100 * target).toFixed(0)}% | accuracy | points to FedAvg |`,
    '|---|---|---|---|---|',
    ...lines,
    '',
  ].join('\n');
}

function chart(title: string, rows: readonly Row[]): Promise<string> {
  return lineChart({
    title: `${title}: accuracy by round`,
    x: { name: 'round' },
    y: { name: 'accuracy, mean of five rounds' },
    series: rows.map(({ choice, runs }) => ({
      name: choice.name,
      points: smoothed(meanCurve(runs.map(({ accuracies }) => accuracies))).map(
        (value, round) => [round + 1, value] as const,
      ),
    })),
  });
}
