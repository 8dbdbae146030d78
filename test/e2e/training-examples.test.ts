/**
 * The examples of local training, built: each shows what it says. Their numbers are the same in each run on one
 * machine.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

async function output(name: string): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [`build/examples/training/${name}.js`], {
    cwd: root,
    maxBuffer: 2 ** 24,
  });
  return stdout;
}

/** All percentages in a text, in order. */
function percentagesIn(text: string): readonly number[] {
  return [...text.matchAll(/([\d.]+)%/g)].map(([, digits]) => Number(digits));
}

async function percentages(name: string): Promise<readonly number[]> {
  return percentagesIn(await output(name));
}

/** Fails loudly where an example printed fewer numbers than it should. */
function numbers<const N extends readonly number[]>(
  found: readonly number[],
  shape: N,
): { readonly [K in keyof N]: number };
function numbers(found: readonly number[], shape: readonly number[]): readonly number[] {
  expect(found).toHaveLength(shape.length);
  return found;
}

describe('examples of local training', () => {
  it('local: trains, and moves an image', async () => {
    const text = await output('local');
    expect(text).toMatch(/^600 steps \(epochs\), an update of 25450 values, accuracy 9\d\.\d%$/m);
    expect(text).toMatch(/^moved: (0 1 0 0|0 0 1 0|0 0 0 1)$/m);
  });

  it('fedprox: three rounds, each better', async () => {
    const [first, second, third] = numbers(await percentages('fedprox'), [0, 1, 2]);
    expect(second).toBeGreaterThan(first);
    expect(third).toBeGreaterThan(second);
  });

  it('scaffold: two clients that saw half of the digits each learn all', async () => {
    const [accuracy] = numbers(await percentages('scaffold'), [0]);
    expect(accuracy).toBeGreaterThan(75);
  });

  it('pruning: nine of ten weights are 0', async () => {
    const [zeros, accuracy] = numbers(await percentages('pruning'), [0, 1]);
    expect(zeros).toBeGreaterThan(89);
    expect(accuracy).toBeGreaterThan(80);
  });

  it('distillation: a student without labels comes near its teacher', async () => {
    const [teacher, student] = numbers(await percentages('distillation'), [0, 1]);
    expect(student).toBeGreaterThan(teacher - 8);
  });

  it('ensemble: the cohorts together are better than each', async () => {
    const [a, b, c, together] = numbers(await percentages('ensemble'), [0, 1, 2, 3]);
    expect(together).toBeGreaterThan(Math.max(a, b, c));
  });

  it('personalization: better for that client', async () => {
    const [global, personal] = numbers(await percentages('personalization'), [0, 1]);
    expect(personal).toBeGreaterThan(global + 4);
  });

  it('quantized: a quarter of the bytes', async () => {
    const text = await output('quantized');
    expect(text).toMatch(/^101800 bytes: .*; 25916 bytes: /);
    const [before, after] = numbers(percentagesIn(text), [0, 1]);
    expect(Math.abs(after - before)).toBeLessThan(1);
  });

  it('adversarial: stands up to the attack better', async () => {
    const [, attacked, , withstood] = numbers(await percentages('adversarial'), [0, 1, 2, 3]);
    expect(withstood).toBeGreaterThan(attacked + 15);
  });

  it('convolution: trains on the wasm backend', async () => {
    const [accuracy] = numbers(await percentages('convolution'), [0]);
    expect(accuracy).toBeGreaterThan(85);
  });

  it('partition: a picture of ten clients', async () => {
    const svg = await output('partition');
    expect(svg).toMatch(/^<svg [\s\S]*<\/svg>\s*$/);
    expect(new Set([...svg.matchAll(/<title>client (\d+),/g)].map(([, client]) => client)).size).toBe(10);
  });
});
