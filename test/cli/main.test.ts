import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { WebSocketServer } from 'ws';
import { floatBytes, readFloats } from '../../src/cli/files.js';

/** The command as it is installed: built. */
const main = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

interface Running {
  readonly child: ChildProcess;
  readonly output: () => string;
  readonly errors: () => string;
  readonly ended: Promise<number | null>;
}

const running: ChildProcess[] = [];

function veilsum(...args: string[]): Running {
  const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  running.push(child);
  let output = '';
  let errors = '';
  child.stdout.on('data', (data) => {
    output += data;
  });
  child.stderr.on('data', (data) => {
    errors += data;
  });
  const ended = new Promise<number | null>((resolve) => {
    child.on('close', resolve);
  });
  return { child, output: () => output, errors: () => errors, ended };
}

/** Waits until something holds, or throws what the process said when it ended. */
async function until(holds: () => boolean, { errors, ended }: Running): Promise<void> {
  let over = false;
  void ended.then(() => {
    over = true;
  });
  while (!holds()) {
    if (over) throw new Error(errors());
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function addressOf(server: Running): Promise<string> {
  const find = (): string | undefined => /ws:\/\/\S+/.exec(server.errors())?.[0];
  await until(() => find() !== undefined, server);
  return find() ?? '';
}

let folder: string;
const path = (name: string): string => join(folder, name);
const clients = [0, 1, 2, 3];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'veilsum-main-'));
  expect(await veilsum('keys', 'authority', '--out', path('authority')).ended).toBe(0);
  const made = clients.map((i) =>
    veilsum('keys', 'client', '--authority', path('authority.key'), '--out', path(`client${i}`)),
  );
  for (const { ended, errors } of made) expect(await ended, errors()).toBe(0);
  await writeFile(
    path('plan.json'),
    JSON.stringify({ vector: { dimension: 3 }, cohort: { maxClients: 8 }, quantize: { bits: 16, range: 32_767 } }),
  );
  for (const i of clients) await writeFile(path(`update${i}.f32`), floatBytes(new Float32Array([i, 10 * i, -i])));
});
afterEach(() => {
  for (const child of running.splice(0)) child.kill('SIGKILL');
});
afterAll(() => rm(folder, { recursive: true }));

function serve(...args: string[]): Running {
  const files = ['--authority', path('authority.pub'), '--plan', path('plan.json')];
  const numbers = ['--port', '0', '--min', '4', '--corrupt', '0', '--dropout', '0', '--gather', '10'];
  return veilsum('serve', ...files, ...numbers, ...args);
}

function joining(url: string, i: number, ...args: string[]): Running {
  const files = [
    '--identity',
    path(`client${i}`),
    '--authority',
    path('authority.pub'),
    '--update',
    path(`update${i}.f32`),
  ];
  const floors = ['--min-clients', '3', '--min-survivors', '3', '--min-degree', '2', '--min-threshold', '2'];
  return veilsum('join', url, ...files, ...floors, '--corrupt', '0', '--dropout', '0', ...args);
}

const days = (n: string): string[] => ['keys', 'client', '--authority', 'a', '--out', 'x', '--days', n];

describe('veilsum', () => {
  it('counts: a server and four clients, two rounds', async () => {
    const server = serve('--rounds', '2', '--max', '4', '--json', '--out', path('model.f32'));
    const url = await addressOf(server);
    const joined = clients.map((i) => joining(url, i));
    expect(await server.ended, server.errors()).toBe(0);
    for (const { ended, output, errors } of joined) {
      expect(await ended, errors()).toBe(0);
      expect(output()).toBe('round 0: in a sum of 4 clients\nround 1: in a sum of 4 clients\n');
      const [joining, end] = errors().split('\n');
      expect(joining).toBe(`joining ${url}: a round begins when enough clients are there`);
      expect(end).toBe('the server has no more rounds; this client was in 2 sums');
    }
    const rounds = server
      .output()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(rounds).toMatchObject([
      { round: 0, weight: 4, failures: [], cohorts: [{ survivors: 4 }] },
      { round: 1, weight: 4, failures: [], cohorts: [{ survivors: 4 }] },
    ]);
    expect(await readFloats(path('model.f32'))).toEqual(new Float32Array([3, 30, -3]));
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('%s ends a server cleanly, and its clients with it', async (signal) => {
    const server = serve('--rounds', '1000000', '--max', '4');
    const url = await addressOf(server);
    const joined = clients.map((i) => joining(url, i));
    await until(() => /round 3:/.test(server.output()), server);
    server.child.kill(signal);
    expect(await server.ended, server.errors()).toBe(0);
    for (const { ended, errors } of joined) expect(await ended, errors()).toBe(0);
  });

  it('SIGINT ends a client cleanly', async () => {
    const server = serve('--rounds', '1000000', '--max', '4');
    const url = await addressOf(server);
    const joined = clients.map((i) => joining(url, i));
    await until(() => /round 3:/.test(server.output()), server);
    for (const { child } of joined) child.kill('SIGINT');
    for (const { ended, errors } of joined) expect(await ended, errors()).toBe(0);
  });

  it('a client says that a server has ended without a round', async () => {
    const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
    server.on('connection', (socket) => socket.once('message', () => socket.close(1001)));
    await once(server, 'listening');
    const client = joining(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`, 0);
    expect(await client.ended, client.errors()).toBe(0);
    expect(client.errors()).toMatch(/\nthe server has no more rounds; this client was in 0 sums\n$/);
    server.close();
  });

  it('a client with higher floors says no, and why', async () => {
    const server = serve('--max', '4');
    const url = await addressOf(server);
    const joined = clients.map((i) => joining(url, i, ...(i === 0 ? ['--min-clients', '50'] : [])));
    const [picky] = joined;
    expect(await picky?.ended).toBe(3);
    expect(picky?.errors()).toMatch(/^joining [^\n]*\nveilsum: policy\.clients: [^\n]*\n$/);
  });

  it.each<[number, RegExp, string[]]>([
    [0, /Usage: veilsum .*keys.*serve.*join.*simulate/s, ['--help']],
    [0, /Usage: veilsum serve .*--plan <file>.*Exit codes/s, ['serve', '--help']],
    [0, /Usage: veilsum join .*--min-survivors <n>/s, ['join', '--help']],
    [0, /Usage: veilsum keys client .*--days <n>/s, ['keys', 'client', '--help']],
    [2, /error: unknown command/, ['dance']],
    [2, /error: required option '--authority <file>' not specified/, ['serve']],
    [2, /error: option '--rounds <n>' argument '-1' is invalid/, ['serve', '--rounds', '-1']],
    [2, /error: option '--days <n>' argument '0' is invalid. It must be a whole number from 1 to 36500/, days('0')],
    [2, /error: option '--days <n>' argument '-1' is invalid. It must be a whole number from 1 to 36500/, days('-1')],
    [
      2,
      /error: option '--epsilon <n>' argument '0' is invalid. It must be a number above 0/,
      ['join', '--epsilon', '0'],
    ],
    [2, /error: missing required argument 'url'/, ['join', '--identity', 'a', '--authority', 'b', '--update', 'c']],
    [2, /veilsum: usage\.file: can't read nowhere/, ['serve', '--authority', 'nowhere', '--plan', 'nowhere']],
    [2, /veilsum: usage\.file: can't read nowhere/, ['keys', 'client', '--authority', 'nowhere', '--out', 'x']],
  ])('exits with %i and says %s', async (code, says, args) => {
    const command = veilsum(...args);
    expect(await command.ended).toBe(code);
    expect(command.output() + command.errors()).toMatch(says);
    if (code !== 0) expect(command.errors().trim().split('\n')).toHaveLength(1);
  });

  it.each(['--version', '-V'])('%s is the version of the package', async (flag) => {
    const { version }: { version: string } = JSON.parse(
      await readFile(new URL('../../package.json', import.meta.url), 'utf8'),
    );
    const command = veilsum(flag);
    expect(await command.ended, command.errors()).toBe(0);
    expect(command.output()).toBe(`${version}\n`);
  });

  it('is executable by itself', async () => {
    expect((await readFile(main, 'utf8')).startsWith('#!/usr/bin/env node\n')).toBe(true);
  });
});
