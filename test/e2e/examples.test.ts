/** Programs that readers copy: the examples, built, and the README's own text. */
import { exec, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
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

describe('examples of plans and what they are made of', () => {
  it('compression: a quarter of the bytes, nearly the same mean', async () => {
    const text = await output('build/examples/compression.js');
    expect(text).toMatch(/^4000 bytes as float32, 1000 as sent; off by 0\.0\d at most\n$/);
  });

  it('download: both sides hold the same', async () => {
    const [bytes, model] = (await output('build/examples/download.js')).split('\n');
    expect(bytes).toBe('4000 bytes as float32, 1004 the model, 536 the change');
    expect(model).toMatch(/^off by 0\.00\d\d at most; server and client hold the same: true$/);
  });

  it('optimizer: FedYogi gets further where one way is steep', async () => {
    const [average, yogi] = [...(await output('build/examples/optimizer.js')).matchAll(/([\d.]+) from the minimum/g)];
    expect(Number(yogi?.[1])).toBeLessThan(Number(average?.[1]) / 10);
  });

  it('plan: costs, and a reason', async () => {
    const text = await output('build/examples/plan.js');
    expect(text).toMatch(/^a client sends 3\d{4} bytes and fetches 4\d{5}$/m);
    expect(text).toMatch(/^the server steps with fedadam$/m);
    expect(text).toMatch(/^plan\.error-feedback-alone: .* Instead, .*\.$/m);
  });
});

/** Plays the server and the network to ten devices that each run what the README shows. */
const harness = `
import { createContext, createIdentity, createKeyPair, ServerSession } from 'veilsum/secagg';
import { takePart } from './program.mjs';

const { privateKey: secret, publicKey } = await createKeyPair();
const authority = { privateKey: secret, publicKey };
const setting = { task: 'count', vectorLength: 3, ringBits: 16, maxClients: 10, authority: publicKey };
const { context, privateKey } = await createContext(setting);
const assumptions = { corrupt: 0.1, dropout: 0.1 };
const server = new ServerSession({ context, privateKey, assumptions, time: 0 });
const inboxes = new Map();
const uploads = [];
for (const name of 'ABCDEFGHIJ') {
  const identity = await createIdentity({ authority, validUntil: 3600 });
  const inbox = [];
  inboxes.set(name, inbox);
  const messages = { async *[Symbol.asyncIterator]() {
    for (;;) {
      const message = inbox.shift();
      if (message === 'closed') return;
      if (message === undefined) await new Promise((resolve) => setTimeout(resolve, 1));
      else yield message;
    }
  } };
  void takePart({ context, identity, authority: publicKey, time: 0 }, { send: (message) => uploads.push(server.receive(name, message)), messages });
}
while (server.state !== 'done') {
  while (server.missing > 0) await new Promise((resolve) => setTimeout(resolve, 1));
  for (const { to, message } of await server.close()) inboxes.get(to).push(message);
}
await Promise.all(uploads);
for (const inbox of inboxes.values()) inbox.push('closed');
console.log(server.result.sum.lanes);
`;

/** Three edges of eight devices each, that run what the docs show, and their root. */
const edgeHarness = `
import { join } from 'veilsum/client';
import { createIdentity, createKeyPair } from 'veilsum/secagg';
import { serve } from 'veilsum/server';
import { edge, root } from './program.mjs';

const [edges, devices] = await Promise.all([createKeyPair(), createKeyPair()]);
const validUntil = Math.floor(Date.now() / 1000) + 3600;
const task = { name: 'steps', model: new Float32Array(3), plan: root, rounds: 2, clients: { min: 3, max: 3 } };
const server = await serve({ authority: edges.publicKey, task });
const lines = [];
const joined = [];
console.log = (...line) => {
  if (line[0] !== 'clients can join') return lines.push(line.join(' '));
  for (let i = 0; i < 8; i += 1) joined.push(takePart(line[1], i));
};
async function takePart(url, i) {
  const identity = await createIdentity({ authority: devices, validUntil });
  for await (const round of join(url, { identity, authority: devices.publicKey }))
    await round.submit(Float32Array.of(i / 7, 0.5, -1));
}
const policy = { minClients: 3, minDegree: 2, minThreshold: 2, minSurvivors: 3 };
const running = [1, 2, 3].map(async () => {
  const identity = await createIdentity({ authority: edges, validUntil });
  await edge({ url: server.url, identity, authority: edges.publicKey, policy }, devices.publicKey);
});
for await (const { round, model, weight } of server.rounds())
  lines.push(['root', round, weight, ...[...model].map((value) => value.toFixed(3))].join(' '));
await Promise.all(running);
await Promise.all(joined);
process.stdout.write(lines.sort().join('\\n'));
await server.close();
`;

describe('the docs', () => {
  it('show an edge in ten lines, and it works', async () => {
    const text = await readFile(join(root, 'docs/optimizers.md'), 'utf8');
    const program = /```js\n(import \{ runEdge[^`]*)```/.exec(text)?.[1] ?? '';
    expect(program.trim().split('\n').length).toBe(10);
    expect((await runBeside(program, edgeHarness)).split('\n')).toEqual([
      ...Array.from({ length: 3 }, () => '0 8 summed'),
      ...Array.from({ length: 3 }, () => '1 8 summed'),
      'root 0 24 0.500 0.500 -1.000',
      'root 1 24 1.000 1.000 -2.000',
    ]);
  });
});

/** What a harness prints that imports the program. */
async function runBeside(program: string, harnessOf: string): Promise<string> {
  // Inside the project, so that the package's own name resolves as it does for whoever installed it.
  const folder = await mkdtemp(join(root, 'build', 'shown-'));
  try {
    await writeFile(join(folder, 'program.mjs'), program);
    await writeFile(join(folder, 'harness.mjs'), harnessOf);
    return await output(join(folder, 'harness.mjs'));
  } finally {
    await rm(folder, { recursive: true });
  }
}

describe('the README', () => {
  it("shows a device's part in ten lines, and it works", async () => {
    const text = await readFile(join(root, 'README.md'), 'utf8');
    const program = /```js\n(import \{[^`]*'veilsum\/secagg';[^`]*)```/.exec(text)?.[1] ?? '';
    expect(program.trim().split('\n').length).toBe(10);
    expect(await runBeside(program, harness)).toBe('Uint16Array(3) [ 10, 100, 1000 ]\n');
  });

  it('shows the command line, which means eight updates', { timeout: 60_000 }, async () => {
    const text = await readFile(join(root, 'README.md'), 'utf8');
    const lines = (/```sh\n(echo [^`]*)```/.exec(text)?.[1] ?? '').replaceAll(
      'npx veilsum',
      `node ${root}dist/cli/main.js`,
    );
    const [plan = '', update = '', keys = '', serve = '', joining = ''] = lines.replaceAll(/ #.*$/gm, '').split('\n');
    const cwd = await mkdtemp(join(tmpdir(), 'veilsum-readme-'));
    const run = (line: string) => promisify(exec)(line, { cwd });
    for (const line of [plan, update, keys]) await run(line);
    for (let i = 2; i <= 8; i += 1) await run((keys.split(' && ')[1] ?? '').replace('client1', `client${i}`));
    const server = spawn('sh', ['-c', `exec ${serve} --port 0`], { cwd, stdio: ['ignore', 'ignore', 'pipe'] });
    try {
      const url = await new Promise<string>((resolve, reject) => {
        let said = '';
        server.stderr.on('data', (data: Buffer) => {
          said += data.toString();
          const found = /ws:\/\/\S+(?=\n)/.exec(said);
          if (found !== null) resolve(found[0]);
        });
        server.on('close', () => reject(new Error(said)));
      });
      const clients = Array.from({ length: 8 }, (_, i) =>
        run(joining.replace('ws://127.0.0.1:8787', url).replace('client1', `client${i + 1}`)),
      );
      for (const client of clients) expect((await client).stdout).toBe('round 0: in a sum of 8 clients\n');
      if (server.exitCode === null) await once(server, 'close');
      const model = new DataView(new Uint8Array(await readFile(join(cwd, 'model.f32'))).buffer);
      [1, 10, 100].forEach((value, i) => {
        expect(Math.abs(model.getFloat32(4 * i, true) - value)).toBeLessThan(0.01);
      });
    } finally {
      server.kill('SIGKILL');
      await rm(cwd, { recursive: true });
    }
  });
});
