/** `npm run bench:robust-learning`: the pieces that could be wrong while its tables look right. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { threats } from '../../bench/robust-learning/attacks.js';
import { reasonAgainst, train, worldOf } from '../../bench/robust-learning/federation.js';
import { dimension, gradient, splitDigits } from '../../bench/robust-learning/model.js';
import { CellRecord, keyOf } from '../../bench/robust-learning/record.js';
import { rules } from '../../bench/robust-learning/rules.js';
import { settings, vectorsOf } from '../../bench/robust-learning/setting.js';
import { columns, markdownOf, pictureOf, Table, verdictOf } from '../../bench/robust-learning/table.js';
import { seededNumbers } from '../../src/fl/index.js';
import { aggregatorKinds } from '../../src/robust/index.js';

const named = <T extends { readonly name: string }>(list: readonly T[], name: string): T => {
  const found = list.find((each) => each.name === name);
  if (found === undefined) throw new Error(`no ${name}`);
  return found;
};

/** Cross entropy over the examples, in doubles, written once more and apart. */
function loss(model: Float64Array, { training }: Awaited<ReturnType<typeof splitDigits>>, batch: Int32Array): number {
  let sum = 0;
  for (const example of batch) {
    const logits = new Array<number>(10).fill(0);
    for (let k = training.starts[example] ?? 0; k < (training.starts[example + 1] ?? 0); k++)
      logits.forEach((value, c) => {
        logits[c] = value + (training.values[k] ?? 0) * (model[(training.places[k] ?? 0) * 10 + c] ?? 0);
      });
    const total = logits.reduce((all, value) => all + Math.exp(value), 0);
    sum += Math.log(total) - (logits[training.labels[example] ?? 0] ?? 0);
  }
  return sum / batch.length;
}

describe('training', () => {
  it('goes down the gradient of the loss', async () => {
    const digits = await splitDigits(1);
    const random = seededNumbers(1, 'model');
    const model = Float32Array.from({ length: dimension }, () => random() - 0.5);
    const batch = Int32Array.of(3, 5, 8);
    const slopes = gradient(model, digits.training, batch);
    const steepest = [...slopes.keys()]
      .sort((a, b) => Math.abs(slopes[b] ?? 0) - Math.abs(slopes[a] ?? 0))
      .slice(0, 20);
    for (const k of [...steepest, dimension - 1, dimension - 5]) {
      const moved = (by: number): number =>
        loss(
          Float64Array.from(model, (x, i) => (i === k ? x + by : x)),
          digits,
          batch,
        );
      expect(slopes[k]).toBeCloseTo((moved(1e-4) - moved(-1e-4)) / 2e-4, 5);
    }
  });

  it('fails with the mean where attackers turn it round, and goes on with a robust rule; over masked cohorts too', async () => {
    const digits = await splitDigits(1);
    for (const setting of settings.slice(0, 2)) {
      const world = worldOf(setting, 1, digits);
      const free = train(world, named(rules, 'mean'), undefined);
      const ipm = named(threats, 'ipm');
      expect(free).toBeGreaterThan(0.85);
      expect(train(world, named(rules, 'mean'), ipm)).toBeLessThan(0.3);
      expect(train(world, named(rules, 'nnm+trimmed-mean'), ipm)).toBeGreaterThan(free - 0.03);
    }
  });
});

describe('the table', () => {
  it('has every rule, and says which can stand a setting', () => {
    const tried = new Set(rules.flatMap(({ name }) => name.split('+')));
    // Clipping to a fixed norm is left out: ARC is the same without a norm to choose.
    expect([...tried].sort()).toEqual(aggregatorKinds.filter((kind) => kind !== 'clipping').sort());
    for (const setting of settings) {
      expect(setting.byzantine).toBeLessThan(setting.clients / (2 * setting.cohortSize));
      expect(vectorsOf(setting)).toBe(15);
    }
    const [plain, pairs] = settings;
    if (plain === undefined || pairs === undefined) throw new Error('no settings');
    expect(rules.filter((rule) => reasonAgainst(rule, plain) !== undefined)).toEqual([]);
    expect(reasonAgainst(named(rules, 'bulyan'), pairs)).toContain('27 vectors');
    expect(reasonAgainst(named(rules, 'foolsgold'), pairs)).toBeDefined();
    expect(reasonAgainst(named(rules, 'smea'), pairs)).toContain('5005');
  });

  const filled = (mean: number, best: number): Table => {
    const table = new Table(named(settings, 'plaintext'));
    for (const column of columns) {
      table.add('mean', column, column === 'none' ? 0.9 : mean);
      table.add('caf', column, column === 'none' ? 0.9 : best);
    }
    return table;
  };

  it('tells whether the mean fails and a rule stands', async () => {
    expect(verdictOf(filled(0.1, 0.88)).holds).toBe(true);
    expect(verdictOf(filled(0.81, 0.88)).holds).toBe(false); // control: the mean doesn't fail
    expect(verdictOf(filled(0.1, 0.86)).holds).toBe(false); // control: no rule stands
    const trusting = filled(0.1, 0.86);
    for (const column of columns) trusting.add('fltrust', column, 0.89);
    expect(verdictOf(trusting).holds).toBe(false); // no plan takes it
    const table = filled(0.1, 0.88);
    table.add('caf', 'ipm', 0.84);
    expect(table.at('caf', 'ipm')).toBeCloseTo(0.86, 10);
    expect(table.spread).toBeCloseTo(0.04, 10);
    expect(verdictOf(table).lines.join('\n')).toContain('FAILS: the best rule, caf, loses 4.0 points');
    const text = markdownOf(table, verdictOf(table), 'map.svg');
    expect(text).toMatch(/\| caf \| 90\.0 \| 88\.0 \| 86\.0 \|.* 86\.0 \|\n/);
    expect(await pictureOf(table)).toContain('>86.0<');
  });
});

describe('the record', () => {
  it('gives finished cells again, and trains what was cut short', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'veilsum-record-'));
    try {
      const path = join(folder, 'cells.log');
      const [one, two] = [keyOf([1]), keyOf([2])];
      await writeFile(path, `${one} 0.5\n${two} 0.`);
      const again = await CellRecord.open(pathToFileURL(path), true);
      expect(await again.get(one, () => 1)).toBe(0.5);
      expect(await again.get(two, () => 0.25)).toBe(0.25);
      const resumed = await CellRecord.open(pathToFileURL(path), true);
      expect(await resumed.get(two, () => 1)).toBe(0.25);
      const fresh = await CellRecord.open(pathToFileURL(path), false);
      expect(await fresh.get(one, () => 1)).toBe(1);
      expect(await readFile(path, 'utf8')).toBe(`${one} 1\n`);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
