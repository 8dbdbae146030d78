import { expect, it } from 'vitest';
import { type ServeOptions, serve, type TaskOptions } from '../../src/server/index.js';
import { largestMessage } from '../../src/server/options.js';
import { authority, dimension, planOf, startServer } from './fixtures.js';

const task: TaskOptions = {
  name: 'test',
  plan: planOf(),
  model: new Float32Array(dimension),
  rounds: 1,
  clients: { min: 8, max: 32 },
};
const options: ServeOptions = { authority: authority.publicKey, task, threads: 1 };

/** Options with wrong values, as callers without types can pass them. */
const broken = (changes: Record<string, unknown>): ServeOptions => ({ ...options, ...changes }) as ServeOptions;

it.each<[string, Record<string, unknown>]>([
  ['usage.bytes', { authority: 'key' }],
  ['usage.bytes', { authority: new Uint8Array(31) }],
  ['usage.range', { port: -1 }],
  ['usage.range', { port: 65_536 }],
  ['usage.host', { host: 5 }],
  ['usage.range', { gather: -1 }],
  ['usage.range', { sessions: 0 }],
  ['usage.range', { uploadBudget: 1.5 }],
  ['usage.range', { uploadStall: 0 }],
  ['usage.range', { retries: -1 }],
  ['usage.range', { threads: 0 }],
  ['usage.range', { maxConnections: 0 }],
  ['usage.log', { log: 'log' }],
  ['usage.choice', { deadlines: { train: 5 } }],
  ['usage.range', { deadlines: { share: 0 } }],
  ['usage.range', { deadlines: { share: 2 ** 31 } }],
  ['usage.options', { task: undefined }],
])('serve refuses %s %o', async (code, changes) => {
  await expect(serve(broken(changes))).rejects.toMatchObject({ name: 'UsageError', code });
});

it.each<[string, Record<string, unknown>]>([
  ['usage.task', { name: '' }],
  ['usage.task', { name: 'x'.repeat(256) }],
  ['usage.plan', { plan: { vector: { dimension } } }],
  ['usage.model', { model: new Float32Array(dimension + 1) }],
  ['usage.model', { model: new Float64Array(dimension) }],
  ['usage.model', { model: new Float32Array(dimension).fill(Number.NaN, 7, 8) }],
  ['usage.range', { rounds: 0 }],
  ['usage.range', { clients: undefined }],
  ['usage.range', { clients: { min: 1, max: 8 } }],
  ['usage.range', { clients: { min: 9, max: 8 } }],
  ['usage.range', { clients: { min: 8, max: 33 } }],
  ['usage.range', { cohorts: 0 }],
  ['usage.range', { plan: planOf({ schedule: { kind: 'buffered', bufferSize: 2 } }) }],
  ['usage.range', { plan: planOf({ schedule: { kind: 'buffered', bufferSize: 20 } }), clients: { min: 8, max: 16 } }],
  ['usage.choice', { suite: 3 }],
  ['usage.choice', { threat: 'none' }],
  ['usage.range', { minSurvivors: 9 }],
  ['usage.range', { minSurvivors: 1 }],
  ['usage.range', { assumptions: { corrupt: 1, dropout: 0 } }],
  ['parameters.impossible', { assumptions: { corrupt: 0.5, dropout: 0.5 } }],
])('serve refuses a task with %s %o', async (code, changes) => {
  await expect(serve(broken({ task: { ...task, ...changes } }))).rejects.toMatchObject({ name: 'UsageError', code });
});

it('serve refuses no options at all', async () => {
  await expect(serve(undefined as unknown as ServeOptions)).rejects.toMatchObject({ code: 'usage.options' });
});

it('serve refuses a port that is taken', async () => {
  const server = await startServer();
  await expect(serve({ ...options, port: server.port })).rejects.toMatchObject({ code: 'usage.port' });
  await server.close();
});

it('listens on IPv6 where there is any', async () => {
  const server = await serve({ ...options, host: '::1' }).catch(() => undefined);
  if (server === undefined) return;
  expect(server.url).toBe(`ws://[::1]:${server.port}`);
  await server.close();
});

it('the longest message is that of the largest cohort', () => {
  expect(largestMessage({ plan: planOf(), clients: { min: 2, max: 10 } })).toBe(65_536 + 1024);
  expect(largestMessage({ plan: planOf(), clients: { min: 2, max: 1001 } })).toBe(80_000 + 1024);
});
