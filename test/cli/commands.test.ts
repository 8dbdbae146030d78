import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CommanderError, InvalidArgumentError } from 'commander';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  assignment,
  fraction,
  integer,
  integerFrom,
  positive,
  properFraction,
  seconds,
} from '../../src/cli/arguments.js';
import { checkWritable, floatBytes, readFloats, readKeyPair, readPublicKey, writeSecret } from '../../src/cli/files.js';
import { joinCommand } from '../../src/cli/join.js';
import { keysCommand } from '../../src/cli/keys.js';
import { describeError, exitCodeOf } from '../../src/cli/report.js';
import { serveCommand } from '../../src/cli/serve.js';
import {
  AbortError,
  createIdentity,
  decodeIdentity,
  encodeIdentity,
  InternalError,
  PeerError,
  UsageError,
} from '../../src/secagg/index.js';

let folder: string;
const path = (name: string): string => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'veilsum-cli-'));
  vi.spyOn(console, 'log').mockImplementation(() => undefined);
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
});
afterAll(async () => {
  vi.restoreAllMocks();
  await rm(folder, { recursive: true });
});

const keys = (...args: string[]): Promise<unknown> => keysCommand().parseAsync(args, { from: 'user' });

describe('keys', () => {
  it('makes an authority and a client that it certifies, in files that nobody else may read', async () => {
    await keys('authority', '--out', path('authority'));
    await keys('client', '--authority', path('authority.key'), '--out', path('client'), '--days', '3');
    for (const secret of ['authority.key', 'client']) expect((await stat(path(secret))).mode & 0o777).toBe(0o600);
    const pair = await readKeyPair(path('authority.key'));
    expect(await readPublicKey(path('authority.pub'))).toEqual(pair.publicKey);
    expect(await readFile(path('authority.pub'), 'utf8')).toMatch(/^[0-9a-f]{64}\n$/);
    const { certificate } = decodeIdentity(new Uint8Array(await readFile(path('client'))));
    const days = (certificate.validUntil - Date.now() / 1000) / 86_400;
    expect(days).toBeGreaterThan(2.9);
    expect(days).toBeLessThan(3.1);
  });

  it('never writes over a key', async () => {
    await writeSecret(path('kept'), new Uint8Array([1]));
    await expect(keys('client', '--authority', path('authority.key'), '--out', path('kept'))).rejects.toMatchObject({
      code: 'usage.file',
    });
    expect(new Uint8Array(await readFile(path('kept')))).toEqual(new Uint8Array([1]));
  });

  it.each(['key', 'pub'])('makes no pair where its .%s would stand on another', async (extension) => {
    const out = path(`half-${extension}`);
    await writeFile(`${out}.${extension}`, 'kept');
    await expect(keys('authority', '--out', out)).rejects.toMatchObject({
      code: 'usage.file',
      message: `can't create ${out}.${extension}: it exists: choose another --out, or move that file away`,
    });
    expect(await readFile(`${out}.${extension}`, 'utf8')).toBe('kept');
    const other = extension === 'key' ? 'pub' : 'key';
    await expect(stat(`${out}.${other}`)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('refuses key files that are none', async () => {
    await writeFile(path('short'), new Uint8Array(63));
    await expect(readKeyPair(path('short'))).rejects.toMatchObject({ code: 'usage.file' });
    const text = await readFile(path('authority.pub'), 'utf8');
    await writeFile(path('no line break'), text.trim());
    for (const name of ['authority.pub', 'no line break'])
      await expect(keys('client', '--authority', path(name), '--out', path('none'))).rejects.toMatchObject({
        code: 'usage.file',
        message: expect.stringMatching(/(authority.pub|no line break) holds a public key: give .*\.key$/),
      });
    await expect(readPublicKey(path('short'))).rejects.toMatchObject({ code: 'usage.file' });
    await expect(readPublicKey(path('nowhere'))).rejects.toMatchObject({ code: 'usage.file' });
  });
});

describe('files', () => {
  it('hold floats as they are', async () => {
    const values = new Float32Array([1.5, -2, Number.MIN_VALUE, 3e38]);
    await writeFile(path('floats'), floatBytes(values));
    expect(await readFloats(path('floats'))).toEqual(values);
  });

  it.each([0, 3, 5])('of %i bytes hold none', async (length) => {
    await writeFile(path('odd'), new Uint8Array(length));
    await expect(readFloats(path('odd'))).rejects.toMatchObject({ code: 'usage.file' });
  });

  it('are known to be writable without being touched', async () => {
    await writeFile(path('there'), 'as it was');
    await checkWritable(path('there'));
    expect(await readFile(path('there'), 'utf8')).toBe('as it was');
    await checkWritable(path('not there'));
    await expect(stat(path('not there'))).rejects.toMatchObject({ code: 'ENOENT' });
    for (const wrong of [path('nowhere/model'), path('there/model'), folder])
      await expect(checkWritable(wrong)).rejects.toMatchObject({
        code: 'usage.file',
        message: expect.stringContaining(wrong),
      });
  });
});

describe('option values', () => {
  it('are parsed', () => {
    expect(integer('42')).toBe(42);
    expect(['1', '007', '36500'].map(integerFrom(1, 36_500))).toEqual([1, 7, 36_500]);
    expect(fraction('0.25')).toBe(0.25);
    expect(positive('1e-300')).toBe(1e-300);
    expect(properFraction('0.999')).toBe(0.999);
    expect(seconds('1.5')).toBe(1500);
    const parse = assignment(integer);
    expect(parse('b=2', parse('a=1'))).toEqual({ a: 1, b: 2 });
  });

  it.each([
    [integer, ['', '-1', '1.5', 'x', '1e3', '9999999999999999']],
    [integerFrom(1, 36_500), ['', '0', '-1', '36501', '99999999999', '1.5', 'x', '9999999999999999']],
    [positive, ['', ' ', '0', '-1', '1e-400', 'x', 'Infinity', 'NaN']],
    [properFraction, ['', '0', '1', '1.5', '-1', 'x']],
    [fraction, ['', '1', '-0.1', 'x', 'NaN']],
    [seconds, ['', '-1', 'x', '1e9', 'Infinity']],
    [assignment(integer), ['', '=', '=1', 'a', 'a=', 'a=x']],
  ] as const)('%o refuses %o', (parse, texts) => {
    for (const text of texts) expect(() => (parse as (text: string) => unknown)(text)).toThrow(InvalidArgumentError);
  });
});

describe('errors', () => {
  it('have an exit code by whose fault they are', () => {
    expect(exitCodeOf(new UsageError('usage.x', 'm'))).toBe(2);
    expect(exitCodeOf(new PeerError('peer.x', 'm'))).toBe(3);
    expect(exitCodeOf(new AbortError('abort.x', 'm'))).toBe(4);
    expect(exitCodeOf(new InternalError('internal.x', 'm'))).toBe(1);
    expect(exitCodeOf('text')).toBe(1);
    expect(exitCodeOf(new CommanderError(0, 'commander.help', ''))).toBe(0);
    expect(exitCodeOf(new CommanderError(1, 'commander.unknownOption', ''))).toBe(2);
  });

  it('are one line', () => {
    expect(describeError(new UsageError('usage.x', 'two\n  lines'))).toBe('veilsum: usage.x: two | lines');
    expect(describeError(new Error('boom'))).toMatch(/^veilsum: internal: Error: boom \| at [^\n]*$/);
    expect(describeError(new CommanderError(1, 'commander.x', 'printed'))).toBeUndefined();
  });
});

describe('serve and join', () => {
  it('find wrong files before anything else', async () => {
    const serve = (...args: string[]): Promise<unknown> => serveCommand().parseAsync(args, { from: 'user' });
    await writeFile(path('plan'), '{');
    await expect(serve('--authority', path('authority.pub'), '--plan', path('plan'))).rejects.toMatchObject({
      code: 'usage.file',
    });
    await writeFile(path('plan'), '{"vector":{"dimension":4}}');
    await expect(serve('--authority', path('authority.pub'), '--plan', path('plan'))).rejects.toMatchObject({
      code: 'plan.schema',
    });
    for (const option of ['--out', '--checkpoint'])
      await expect(
        serve('--authority', path('authority.pub'), '--plan', path('plan'), option, path('nowhere/model')),
      ).rejects.toMatchObject({ code: 'usage.file', message: expect.stringContaining(path('nowhere/model')) });
    await expect(
      serve('--authority', path('authority.pub'), '--plan', path('plan'), '--ledger', path('plan')),
    ).rejects.toMatchObject({ code: 'usage.file', message: expect.stringContaining(path('plan')) });
    const plan = { vector: { dimension: 4 }, cohort: { maxClients: 8 }, quantize: { bits: 16, range: 1 } };
    await writeFile(path('plan'), JSON.stringify(plan));
    for (const content of ['', 'no checkpoint', new Uint8Array([1, ...new Uint8Array(10)])]) {
      await writeFile(path('no checkpoint'), content);
      await expect(
        serve('--authority', path('authority.pub'), '--plan', path('plan'), '--resume', path('no checkpoint')),
      ).rejects.toMatchObject({
        code: 'usage.file',
        message: expect.stringContaining(`${path('no checkpoint')} holds no checkpoint`),
      });
    }
    const join = (...args: string[]): Promise<unknown> => joinCommand().parseAsync(args, { from: 'user' });
    const known = ['--authority', path('authority.pub'), '--update', path('floats')];
    await expect(join('ws://127.0.0.1:1', '--identity', path('short'), ...known)).rejects.toMatchObject({
      code: 'usage.identity',
    });
    await expect(join('ws://127.0.0.1:1', '--identity', path('client'), ...known)).rejects.toMatchObject({
      code: 'connection.failed',
    });
    await keys('authority', '--out', path('another'));
    await keys('client', '--authority', path('another.key'), '--out', path('foreign'));
    await expect(join('ws://127.0.0.1:1', '--identity', path('foreign'), ...known)).rejects.toMatchObject({
      code: 'usage.identity',
      message: expect.stringMatching(/foreign is not by the authority of .*authority\.pub/),
    });
    const expired = await createIdentity({
      authority: await readKeyPair(path('authority.key')),
      validUntil: Math.floor(Date.now() / 1000) - 1,
    });
    await writeSecret(path('expired'), encodeIdentity(expired));
    await expect(join('ws://127.0.0.1:1', '--identity', path('expired'), ...known)).rejects.toMatchObject({
      code: 'usage.identity',
      message: expect.stringMatching(/expired has expired, \d{4}-.*keys client/),
    });
    for (const value of [Number.NaN, Number.NEGATIVE_INFINITY]) {
      await writeFile(path('no update'), floatBytes(new Float32Array([1, value])));
      const files = ['--identity', path('client'), '--authority', path('authority.pub')];
      await expect(join('ws://127.0.0.1:1', ...files, '--update', path('no update'))).rejects.toMatchObject({
        code: 'usage.file',
        message: expect.stringContaining(`no update: value 1 is ${value}`),
      });
    }
    await expect(join('nowhere', '--identity', path('client'), ...known)).rejects.toMatchObject({ code: 'usage.url' });
  });
});
