import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fileStorage } from '../../../src/dp/ledger/file.node.js';
import { verifyLedger } from '../../../src/dp/ledger/ledger.js';

const rounds = 3;
let folder: string;
let program: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'veilsum-ledger-'));
  await build({
    configFile: false,
    logLevel: 'silent',
    ssr: { noExternal: true },
    build: { ssr: fileURLToPath(new URL('charging-process.ts', import.meta.url)), outDir: folder, target: 'node20' },
  });
  program = join(folder, 'charging-process.js');
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Ended {
  readonly signal: NodeJS.Signals | null;
  readonly output: string;
}

function run(name: string, ...args: readonly string[]): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, join(folder, name), join(folder, `${name}.released`), ...args]);
    let output = '';
    child.stdout.on('data', (data: Buffer) => {
      output += data.toString();
    });
    child.stderr.on('data', (data: Buffer) => {
      output += data.toString();
    });
    child.on('error', reject);
    child.on('close', (_, signal) => resolve({ signal, output }));
  });
}

/** Rounds released, and rounds charged: read by another process than the one that wrote. */
async function audit(
  name: string,
): Promise<{ readonly released: readonly number[]; readonly charged: readonly number[] }> {
  let released: number[] = [];
  try {
    released = readFileSync(join(folder, `${name}.released`), 'utf8')
      .split('\n')
      .slice(0, -1)
      .map(Number);
  } catch {
    // it died before it could release anything
  }
  const { charges } = await verifyLedger(fileStorage(join(folder, name)));
  return { released, charged: charges.map(({ round }) => round) };
}

describe('a ledger whose process is killed', () => {
  it('has spent at least what was released, and each round once, wherever it dies', async () => {
    const whole = await run('whole', '-1', 'before', String(rounds));
    const steps = Number(whole.output);
    expect(steps).toBeGreaterThan(15);
    expect(await audit('whole')).toEqual({ released: [0, 1, 2], charged: [0, 1, 2] });
    let died = 0;
    for (let at = 0; at < steps; at += 1) {
      for (const moment of ['before', 'during', 'after']) {
        const name = `kill-${at}-${moment}`;
        const { signal, output } = await run(name, String(at), moment, String(rounds));
        expect(signal, output).toBe('SIGKILL');
        died += 1;
        const { released, charged } = await audit(name);
        expect(new Set(charged).size, name).toBe(charged.length);
        for (const round of released) expect(charged, name).toContain(round);
        expect(charged.length - released.length, name).toBeLessThanOrEqual(1);
        // Another process goes on from there: it charges what is left, and the round that was in the air not twice.
        const resumed = await run(name, '-1', 'before', String(rounds));
        expect(resumed.signal, resumed.output).toBe(null);
        expect(await audit(name), name).toEqual({ released: [0, 1, 2], charged: [0, 1, 2] });
      }
    }
    expect(died).toBe(3 * steps);
  }, 180_000);

  it('survives being killed again and again', async () => {
    for (let life = 0; life < 12; life += 1) await run('lives', String(3 + 2 * life), 'during', String(rounds));
    await run('lives', '-1', 'before', String(rounds));
    expect(await audit('lives')).toEqual({ released: [0, 1, 2], charged: [0, 1, 2] });
  });
});
