import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command, CommanderError } from 'commander';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { dpCommand } from '../../src/cli/dp.js';
import { describeError } from '../../src/cli/report.js';
import { discreteGaussian, gaussian, Ledger } from '../../src/dp/index.js';
import { fileStorage } from '../../src/dp/ledger/file.node.js';

let folder: string;
let output = '';
const path = (name: string): string => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'veilsum-dp-'));
  vi.spyOn(console, 'log').mockImplementation((text: string) => {
    output += `${text}\n`;
  });
});
beforeEach(() => {
  output = '';
});
afterAll(async () => {
  vi.restoreAllMocks();
  await rm(folder, { recursive: true });
});

function throwing(command: Command): Command {
  command.exitOverride().configureOutput({ writeErr: () => undefined });
  for (const child of command.commands) throwing(child);
  return command;
}

async function dp(...args: readonly string[]): Promise<string> {
  output = '';
  await throwing(new Command('veilsum').addCommand(dpCommand())).parseAsync(['dp', ...args], { from: 'user' });
  return output;
}
const words = (line: string): Promise<string> => dp(...line.split(' '));
const json = async (line: string) => JSON.parse(await words(`${line} --json`));

describe('veilsum dp epsilon and delta', () => {
  it.each([
    ['pld', 6.185, 6.19],
    ['rdp', 0, 6.713],
    ['best', 6.185, 6.19],
  ])('%s: the usual case', async (accountant, lower, upper) => {
    const line = `epsilon --noise-multiplier 1 --sampling 0.01 --rounds 10000 --delta 1e-5 --accountant ${accountant}`;
    const bounds = await json(line);
    expect(bounds.lower).toBeGreaterThanOrEqual(lower);
    expect(bounds.lower).toBeLessThanOrEqual(bounds.estimate);
    expect(bounds.estimate).toBeLessThanOrEqual(bounds.upper);
    expect(bounds.upper).toBeLessThan(upper);
    const text = await words(line);
    expect(text).toMatch(/^epsilon \d\.\d+ \(lower \d\.\d+, estimate \d\.\d+\)\n$/);
    // What is promised is never rounded down.
    expect(Number(text.split(' ')[1])).toBeGreaterThanOrEqual(bounds.upper);
  });

  it('asks the accountant that is named', async () => {
    const release = 'epsilon --noise-multiplier 2 --delta 1e-6';
    const analytic = await json(`${release} --accountant analytic`);
    const rdp = await json(`${release} --accountant rdp`);
    const zcdp = await json(`${release} --accountant zcdp`);
    expect(analytic.upper).toBeCloseTo(analytic.lower, 8);
    expect(analytic.upper).toBeLessThan(rdp.upper);
    expect(rdp.upper).toBeCloseTo(zcdp.upper, 4);
    const pure = await json(
      'epsilon --mechanism epsilon-delta --release-epsilon 0.1 --release-delta 0 --rounds 5 --delta 0 --accountant pure',
    );
    expect(pure.upper).toBeCloseTo(0.5, 10);
  });

  it.each([
    '--mechanism laplace --noise-multiplier 2',
    '--mechanism discrete-gaussian --sigma-squared 40 --contribution 2',
    '--mechanism discrete-gaussian --sigma-squared 400 --contribution 2.5 --dimension 100',
    '--mechanism discrete-laplace --scale 5',
    '--mechanism skellam --variance 60 --l1 2 --l2 2',
    '--mechanism randomized-response --lie 0.5 --buckets 3',
    '--mechanism exponential --release-epsilon 0.3',
    '--mechanism epsilon-delta --release-epsilon 0.3 --release-delta 1e-9',
    '--mechanism zcdp --rho 0.02',
    '--mechanism tree-restarts --noise-multiplier 5 --steps-per-tree 100,100',
    '--mechanism single-tree --noise-multiplier 5 --steps 64 --max-participation 2 --min-separation 8',
    '--noise-multiplier 4 --sample-size 10 --dataset-size 1000',
    '--noise-multiplier 2 --relation replaceOne',
  ])('%s', async (mechanism) => {
    const once = await json(`epsilon ${mechanism} --delta 1e-5`);
    const thrice = await json(`epsilon ${mechanism} --delta 1e-5 --rounds 3`);
    expect(once.upper).toBeGreaterThan(0);
    expect(thrice.upper).toBeGreaterThan(once.upper);
    expect((await json(`delta ${mechanism} --epsilon ${once.upper}`)).lower).toBeLessThanOrEqual(1e-5 * (1 + 1e-6));
  });

  it('reads events from a file', async () => {
    const event = gaussian({ noiseMultiplier: 3 });
    await writeFile(path('events.json'), JSON.stringify([event, { event, count: 8 }]));
    const read = await json(`epsilon --events ${path('events.json')} --delta 1e-5`);
    expect(read).toEqual(await json('epsilon --noise-multiplier 1 --delta 1e-5'));
    await writeFile(path('wrong.json'), '{}');
    await expect(dp('epsilon', '--events', path('wrong.json'), '--delta', '0.1')).rejects.toThrow(/array/);
  });

  it.each([
    ['epsilon --noise-multiplier 1', /required option '--delta/],
    ['epsilon --delta 1e-5', /usage.options: the mechanism gaussian needs --noise-multiplier <z>$/m],
    [
      'epsilon --noise-multiplier 0 --delta 1e-5',
      /usage.range: noiseMultiplier must.*--noise-multiplier <z> is noiseM/,
    ],
    ['epsilon --mechanism randomized-response --lie 3 --buckets 4 --delta 1e-5', /noise must.*--lie <p> is noise,/],
    ['epsilon --mechanism randomized-response --delta 1e-5', /needs --lie <p> and --buckets <n>$/m],
    ['epsilon --noise-multiplier 1 --sampling 2 --delta 1e-5', /--sampling <q> is samplingProbability/],
    [
      'epsilon --noise-multiplier 1 --sample-size 9 --dataset-size 3 --delta 1e-5',
      /sampleSize must.*--sample-size <n> is/,
    ],
    ['epsilon --noise-multiplier 1 --delta 2', /from 0 to 1/],
    ['epsilon --noise-multiplier nan --delta 1e-5', /number from 0 up/],
    ['epsilon --mechanism magic --delta 1e-5', /Allowed choices/],
    ['epsilon --noise-multiplier 1 --scale 3 --delta 1e-5', /has no field "scale"/],
    ['epsilon --noise-multiplier 1 --sampling 0.1 --accountant analytic --delta 1e-5', /dp.unsupported/],
    ['epsilon --noise-multiplier 1 --sampling 0.1 --sample-size 3 --delta 1e-5', /two ways to draw/],
    ['epsilon --noise-multiplier 1 --rounds 1.5 --delta 1e-5', /--rounds.*whole number/],
    ['epsilon --mechanism skellam --variance 3 --l1 1 --delta 1e-5', /skellam needs --l2 <norm>$/m],
    ['epsilon --noise-multiplier 1 --sample-size 3 --delta 1e-5', /needs --dataset-size <n>$/m],
    ['epsilon --mechanism zcdp --rho 1 --delta 1e-5 --accountant pld', /dp.unsupported/],
  ])('refuses %s', async (line, expected) => {
    const error: unknown = await words(line).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error instanceof CommanderError ? error.message : describeError(error)).toMatch(expected);
  });
});

describe('veilsum dp calibrate', () => {
  const budget = '--epsilon 2 --delta 1e-5';
  it.each([
    ['noise', '--sampling 0.01 --rounds 1000', '--sampling 0.01 --rounds 1000 --noise-multiplier'],
    ['sampling', '--noise-multiplier 1 --rounds 1000', '--noise-multiplier 1 --rounds 1000 --sampling'],
    ['rounds', '--noise-multiplier 1 --sampling 0.01', '--noise-multiplier 1 --sampling 0.01 --rounds'],
    ['noise', '--mechanism zcdp-like', ''],
    [
      'noise',
      '--mechanism skellam --l1 20 --l2 5 --dimension 16',
      '--mechanism skellam --l1 20 --l2 5 --dimension 16 --variance',
    ],
  ])('for %s with %s', async (what, given, again) => {
    if (again === '') {
      await expect(words(`calibrate ${given} ${budget}`)).rejects.toThrow(CommanderError);
      return;
    }
    const found = await json(`calibrate --for ${what} ${given} ${budget}`);
    expect(found.epsilon.upper).toBeLessThanOrEqual(2);
    expect(found.epsilon.upper).toBeGreaterThan(1.99);
    const cheaper = what === 'noise' ? found[what] * 0.99 : what === 'rounds' ? found[what] + 5 : found[what] * 1.01;
    expect((await json(`epsilon ${again} ${cheaper} --delta 1e-5`)).upper).toBeGreaterThan(2);
  });

  it('finds the largest clip norm for a noise', async () => {
    const { clip } = await json(`calibrate --for clip --sigma 10 ${budget}`);
    const { noise } = await json(`calibrate ${budget}`);
    expect(10 / clip / noise).toBeCloseTo(1, 4);
  });

  it.each([
    [`calibrate --for clip ${budget}`, /--sigma/],
    [`calibrate --mechanism exponential --release-epsilon 1 ${budget}`, /no noise to search for/],
    [`calibrate --events x.json ${budget}`, /no single parameter/],
  ])('refuses %s', async (line, expected) => {
    await expect(words(line)).rejects.toThrow(expected);
  });
});

describe('veilsum dp ledger', () => {
  beforeAll(async () => {
    const ledger = await Ledger.open({ storage: fileStorage(path('ledger')) });
    for (let round = 0; round < 4; round += 1) {
      const event = JSON.parse(JSON.stringify(gaussian({ noiseMultiplier: 4 })));
      await ledger.charge({ task: round < 3 ? 'digits' : 'words', round, context: 'ab', event });
    }
    await ledger.close();
  });

  it('verifies, exports and imports', async () => {
    expect(await words(`ledger verify ${path('ledger')}`)).toMatch(
      /^the chain is whole: 4 charges, head [0-9a-f]{64}\n$/,
    );
    await words(`ledger export ${path('ledger')} --out ${path('out.jsonl')}`);
    const before = await json(`ledger verify ${path('ledger')}`);
    expect(await json(`ledger verify ${path('out.jsonl')}`)).toEqual(before);
    expect(await words(`ledger import ${path('out.jsonl')} --into ${path('copy')}`)).toMatch(/^4 new charges; 4 in/);
    expect(await words(`ledger import ${path('ledger')} --into ${path('copy')}`)).toMatch(/^0 new charges; 4 in/);
    await expect(words(`ledger import ${path('ledger')} --into ${path('out.jsonl')}`)).rejects.toMatchObject({
      code: 'usage.file',
    });
    expect(await json(`ledger show ${path('copy')}`)).toEqual(await json(`ledger show ${path('ledger')}`));
    await words(`ledger verify ${path('copy')} --head ${before.head}`);
    await expect(words(`ledger verify ${path('copy')} --head ${'f'.repeat(64)}`)).rejects.toThrow(/cut short/);
  });

  it('fails on a ledger that was tampered with', async () => {
    const text = await readFile(path('out.jsonl'), 'utf8');
    await writeFile(path('cheaper.jsonl'), text.replace('"noiseMultiplier":4', '"noiseMultiplier":9'));
    const line = `ledger verify ${path('cheaper.jsonl')}`;
    await expect(words(line)).rejects.toThrow(expect.objectContaining({ code: 'ledger.corrupt' }));
    await writeFile(path('short.jsonl'), text.slice(0, -40));
    await expect(words(`ledger verify ${path('short.jsonl')}`)).rejects.toThrow(/cut short/);
  });

  it('shows what was spent, by task and in all', async () => {
    const { tasks, all } = await json(`ledger show ${path('ledger')} --delta 1e-5`);
    expect(tasks.map(({ task, charges }: { task: string; charges: number }) => [task, charges])).toEqual([
      ['digits', 3],
      ['words', 1],
    ]);
    expect(all).toEqual(await json('epsilon --noise-multiplier 2 --delta 1e-5'));
    expect(await words(`ledger show ${path('ledger')} --task words`)).toMatch(/^"words" {2}1 charges {2}epsilon/);
    await expect(words(`ledger show ${path('ledger')} --relation replaceOne`)).rejects.toThrow(/relation/);
  });

  it.each([
    ['verify', 'missing'],
    ['show', 'missing'],
    ['export', 'missing'],
  ])('%s does not make a ledger that is not there', async (name, file) => {
    await expect(words(`ledger ${name} ${path(file)}`)).rejects.toThrow(
      expect.objectContaining({ code: 'usage.file' }),
    );
  });
});

describe('veilsum dp plot', () => {
  it('writes both charts into one SVG file, the same each time', async () => {
    const line = 'plot --noise-multiplier 2 --rounds 9 --delta 1e-5 --out';
    expect(await words(`${line} ${path('a.svg')}`)).toContain('epsilon against rounds');
    await words(`${line} ${path('b.svg')}`);
    const svg = await readFile(path('a.svg'), 'utf8');
    expect(await readFile(path('b.svg'), 'utf8')).toBe(svg);
    expect(svg.match(/<svg /g)).toHaveLength(3);
    for (const text of ['rounds', 'epsilon', 'delta', 'upper bound', 'lower bound', 'Privacy profile'])
      expect(svg).toContain(text);
    const ids = [...svg.matchAll(/<clipPath id="([^"]+)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('has one curve where nothing is proved from below', async () => {
    const event = discreteGaussian({ sigmaSquared: 400, contribution: 2.5, dimension: 9 });
    await writeFile(path('events.json'), JSON.stringify([event]));
    await dp('plot', '--events', path('events.json'), '--rounds', '2', '--delta', '1e-5', '--out', path('c.svg'));
    expect(await readFile(path('c.svg'), 'utf8')).not.toContain('lower bound');
  });
});
