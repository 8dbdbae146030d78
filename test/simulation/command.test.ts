import { Command } from 'commander';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { simulateCommand } from '../../src/cli/simulate.js';

let output = '';
let errors = '';

beforeEach(() => {
  output = '';
  errors = '';
  vi.spyOn(console, 'log').mockImplementation((text: string) => {
    output += `${text}\n`;
  });
});

afterEach(() => {
  vi.restoreAllMocks();
  process.exitCode = 0;
});

async function run(line: string): Promise<void> {
  const command = simulateCommand().exitOverride();
  command.configureOutput({
    writeErr: (text) => {
      errors += text;
    },
  });
  await new Command('veilsum').addCommand(command).parseAsync(line.split(' '), { from: 'user' });
}

describe('veilsum simulate', () => {
  test('reports exactness, and time and bytes by phase and client', async () => {
    await run('simulate --clients 12 --dimension 50 --dropout share:0.1,input:0.2 --seed 5 --degree 11 --threshold 7');
    expect(output).toContain('n = 12, k = 11, t = 7');
    expect(output).toContain("exact: the sum of 9 survivors' inputs");
    for (const word of ['advertise', 'share', 'input', 'confirm', 'unmask', 'least', 'mean', 'most', 'transcript'])
      expect(output).toContain(word);
    expect(process.exitCode ?? 0).toBe(0);
  });

  test('prints one JSON object, the same for the same seed', async () => {
    const line =
      'simulate --clients 12 --dimension 50 --dropout unmask:0.1 --seed x --suite 2 --threat semi-honest --json';
    const transcripts = [];
    for (let i = 0; i < 2; i += 1) {
      output = '';
      await run(line);
      const report = JSON.parse(output);
      expect(report).toMatchObject({ outcome: { kind: 'done' }, exact: true, survivors: 12, dropouts: { unmask: 1 } });
      transcripts.push(report.transcript);
    }
    expect(new Set(transcripts).size).toBe(1);
  });

  test('an abort is a result, not a failure', async () => {
    await run('simulate --clients 10 --dimension 5 --dropout confirm:0.8 --degree 9 --threshold 6');
    expect(output).toContain('aborted in confirm (confirm.few)');
    expect(output).toContain('nothing was revealed');
  });

  test.each([
    ['--clients 1', /clients must be an integer from 2/],
    ['--clients many', /whole number/],
    ['--dropout share', /phase:fraction/],
    ['--dropout sharing:0.1', /phase:fraction/],
    ['--dropout share:x', /number from 0/],
    ['--dropout share:0.1,share:0.2', /share twice/],
    ['--dropout share:0.7,input:0.7', /all clients/],
    ['--suite 3', /1 or 2/],
    ['--threat nice', /semi-honest/],
    ['--degree 6', /degree and threshold/],
    ['--degree 5 --threshold 3', /degree must be even/],
    ['--corrupt 1.5', /number from 0/],
    ['--bits 40', /ringBits/],
  ])('refuses %s in one line', async (flags, message) => {
    const error: unknown = await run(`simulate --clients 12 ${flags}`).catch((failure: unknown) => failure);
    const text = errors || (error instanceof Error ? error.message : '');
    expect(text).toMatch(message);
    expect(text.trim().split('\n').length).toBe(1);
    expect(output).toBe('');
  });
});
