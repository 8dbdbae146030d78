/** Programs that readers copy: the examples, built, and the README's own text. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

async function output(file: string): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [file], { cwd: root });
  return stdout;
}

describe('examples', () => {
  it('sum: nine of ten inputs', async () => {
    expect(await output('build/examples/sum.js')).toBe('sum of 9 inputs: [ 9, 90, 900 ]\n');
  });

  it('rounds: two rounds of ten devices, and then it ends', async () => {
    expect(await output('build/examples/rounds.js')).toBe(
      'round 0: 10045 steps of 10 devices, model 0.10\nround 1: 10045 steps of 10 devices, model 0.20\n',
    );
  });
});

describe('the README', () => {
  it('shows a program that prints what it says', async () => {
    const text = await readFile(join(root, 'README.md'), 'utf8');
    const program = /```js\n(import \{[^`]*'veilsum\/secagg';[^`]*)```/.exec(text)?.[1] ?? '';
    // Inside the project, so that the package's own name resolves as it does for whoever installed it.
    const folder = await mkdtemp(join(root, 'build', 'readme-'));
    try {
      const file = join(folder, 'program.mjs');
      await writeFile(file, program);
      expect(await output(file)).toBe('Uint16Array(3) [ 10, 100, 1000 ]\n');
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
