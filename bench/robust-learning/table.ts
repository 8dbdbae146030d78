/** What came of it all: cells, tables, and whether it is as it should be. */
import { heatMap } from '#veilsum/cli/chart.js';
import { threats } from './attacks.js';
import { reasonAgainst } from './federation.js';
import { type Rule, rules } from './rules.js';
import type { Setting } from './setting.js';

/** A column: `none`, or an attack. */
export const columns: readonly string[] = ['none', ...threats.map(({ name }) => name)];

/** Accuracies, 0 to 1, of the cells of one setting. */
export class Table {
  readonly setting: Setting;
  readonly #cells = new Map<string, number[]>();

  constructor(setting: Setting) {
    this.setting = setting;
  }

  /** One seed's accuracy. */
  add(rule: string, column: string, accuracy: number): void {
    const name = `${rule}/${column}`;
    this.#cells.set(name, [...(this.#cells.get(name) ?? []), accuracy]);
  }

  /** The mean over seeds; NaN where nothing was trained. */
  at(rule: string, column: string): number {
    const values = this.#cells.get(`${rule}/${column}`) ?? [];
    return values.reduce((sum, value) => sum + value, 0) / values.length;
  }

  /** The least over attacks, those that weren't trained left out. */
  worst(rule: string): number {
    const under = threats.map(({ name }) => this.at(rule, name)).filter((value) => !Number.isNaN(value));
    return under.length === 0 ? Number.NaN : Math.min(...under);
  }

  /** The largest difference between seeds in a cell. */
  get spread(): number {
    return Math.max(...[...this.#cells.values()].map((values) => Math.max(...values) - Math.min(...values)));
  }

  /** The rules that were trained at all. */
  get rules(): readonly Rule[] {
    return rules.filter(({ name }) => columns.some((column) => !Number.isNaN(this.at(name, column))));
  }
}

const failing = 0.1;
const withstood = 0.03;

export interface Verdict {
  readonly holds: boolean;
  readonly lines: readonly string[];
}

/**
 * Whether plain averaging loses ten points at least under each attack of which the literature says that it fails, and
 * the rule that is best at its worst loses three at most under any attack, of those that plans take; both from what the
 * mean reaches with all clients honest.
 */
export function verdictOf(table: Table): Verdict {
  const free = table.at('mean', 'none');
  const falls = threats
    .filter(({ meanFails }) => meanFails !== undefined)
    .map(({ name }) => ({ name, loss: free - table.at('mean', name) }));
  const fails = falls.every(({ loss }) => loss >= failing);
  // A round has no update of the server's own, and no client's history.
  const [best] = table.rules
    .filter(({ reference, history }) => reference !== 'root' && history !== true)
    .map(({ name }) => ({ name, loss: free - table.worst(name) }))
    .sort((a, b) => a.loss - b.loss);
  const stands = best !== undefined && best.loss <= withstood;
  return {
    holds: fails && stands,
    lines: [
      `attack-free accuracy (mean, all honest): ${percent(free)}`,
      `${fails ? 'HOLDS' : 'FAILS'}: the mean loses ${100 * failing} points or more where the literature says so: ` +
        falls.map(({ name, loss }) => `${name} ${points(loss)}`).join(', '),
      `${stands ? 'HOLDS' : 'FAILS'}: the best rule, ${best?.name}, loses ${points(best?.loss ?? Number.NaN)} points under the worst attack; ` +
        `${100 * withstood} are allowed`,
    ],
  };
}

/** The setting's part of the report. */
export function markdownOf(table: Table, verdict: Verdict, picture: string): string {
  const { setting } = table;
  const rows = rules.map((rule) => {
    const reason = reasonAgainst(rule, setting);
    if (reason !== undefined) return `| ${rule.name} | ${reason} |${' |'.repeat(columns.length)}`;
    const cells = columns.map((column) => (100 * table.at(rule.name, column)).toFixed(1));
    return `| ${rule.name} | ${cells.join(' | ')} | ${(100 * table.worst(rule.name)).toFixed(1)} |`;
  });
  return [
    `## ${setting.title}`,
    '',
    ...verdict.lines.map((line) => `- ${line}`),
    '',
    `| rule | ${columns.join(' | ')} | worst |`,
    `|---|${'---|'.repeat(columns.length + 1)}`,
    ...rows,
    '',
    `![heat map](${picture})`,
    '',
  ].join('\n');
}

/** The setting's heat map as SVG, the first rule on top. */
export function pictureOf(table: Table): Promise<string> {
  const shown = [...table.rules].reverse();
  return heatMap({
    title: `Accuracy in %. ${table.setting.title}`,
    width: 1400,
    height: Math.max(240, 140 + 24 * shown.length),
    x: { name: 'attack', labels: columns.map((column) => column.replace('-', '\n')) },
    y: { name: '', labels: shown.map(({ name }) => name) },
    values: shown.map(({ name }) => columns.map((column) => 100 * table.at(name, column))),
    valueName: '%',
    format: (value) => value.toFixed(1),
  });
}

function percent(value: number): string {
  return `${(100 * value).toFixed(1)} %`;
}

function points(loss: number): string {
  return (100 * loss).toFixed(1);
}
