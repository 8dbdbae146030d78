import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { toHex } from '../../src/core/bytes.js';
import { UsageError } from '../../src/core/errors.js';
import { nobleProvider } from '../../src/crypto/provider/noble.js';
import { decodeContext, encodeContext } from '../../src/secagg/context.js';
import { type ContextOptions, createContext } from '../../src/secagg/create-context.js';

const options: ContextOptions = {
  task: 'digits',
  vectorLength: 1000,
  ringBits: 20,
  maxClients: 64,
  authority: new Uint8Array(32).fill(4),
};
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

describe('createContext', () => {
  it('has suite 1, a malicious server, round 0 and no application seeds unless told', async () => {
    const { context, privateKey } = await createContext(options);
    const { session, planHash, modelHash, serverKey, ...rest } = context;
    expect(serverKey).toEqual(await nobleProvider.agreementPublicKey(privateKey));
    expect(rest).toEqual({ ...options, suite: 1, threat: 'malicious', round: 0, releaseAt: [] });
    expect(session).toHaveLength(32);
    expect([planHash, modelHash].map(toHex)).toEqual([sha256(new Uint8Array()), sha256(new Uint8Array())]);
  });

  it('takes what it is told, and the hashes of plan and model in place of them', async () => {
    const plan = new Uint8Array(100).fill(1);
    const model = new Uint8Array(10_000).fill(2);
    const told = { suite: 2, threat: 'semi-honest', round: 7, releaseAt: [3, 5] } as const;
    const { context } = await createContext({ ...options, ...told, plan, model });
    expect(context).toMatchObject(told);
    expect(toHex(context.planHash)).toBe(sha256(plan));
    expect(toHex(context.modelHash)).toBe(sha256(model));
    expect(Object.keys(context)).not.toContain('plan');
    expect(decodeContext(encodeContext(context))).toEqual(context);
  });

  // Rule [ctx-2] of the protocol.
  it('names each session afresh and gives it a key of its own, by the randomness of the provider', async () => {
    const made = await Promise.all(Array.from({ length: 20 }, () => createContext(options)));
    for (const field of ['session', 'serverKey'] as const)
      expect(new Set(made.map(({ context }) => toHex(context[field]))).size).toBe(20);
    const asked: number[] = [];
    const randomBytes = (length: number): Uint8Array => {
      asked.push(length);
      return new Uint8Array(length).fill(7 + asked.length);
    };
    const { context, privateKey } = await createContext(options, { ...nobleProvider, randomBytes });
    expect(asked).toEqual([32, 32]);
    expect(privateKey).toEqual(new Uint8Array(32).fill(8));
    expect(context.session).toEqual(new Uint8Array(32).fill(9));
  });

  it('lets nobody choose the session, its key or the hashes', async () => {
    const chosen = new Uint8Array(32).fill(1);
    const forced = { ...options, session: chosen, serverKey: chosen, planHash: chosen, modelHash: chosen };
    const { session, serverKey, planHash, modelHash } = (await createContext(forced)).context;
    for (const bytes of [session, serverKey, planHash, modelHash]) expect(bytes).not.toEqual(chosen);
  });

  it.each<[string, string, Record<string, unknown>]>([
    ['an empty task', 'usage.task', { task: '' }],
    ['no task', 'usage.task', { task: undefined }],
    ['no values', 'usage.range', { vectorLength: 0 }],
    ['a ring of 33 bits', 'usage.range', { ringBits: 33 }],
    ['room for one client', 'usage.range', { maxClients: 1 }],
    ['a short authority', 'usage.bytes', { authority: new Uint8Array(31) }],
    ['a suite that is none', 'usage.choice', { suite: 3 }],
    ['a threat that is none', 'usage.choice', { threat: 'honest' }],
    ['a round below 0', 'usage.range', { round: -1 }],
    ['17 application seeds', 'usage.range', { releaseAt: Array(17).fill(1) }],
    ['a plan that is text', 'usage.bytes', { plan: '{}' }],
    ['a model that is null', 'usage.bytes', { model: null }],
  ])('refuses %s', async (_, code, fault) => {
    const call = createContext({ ...options, ...fault });
    await expect(call).rejects.toThrow(UsageError);
    await expect(call).rejects.toThrowError(expect.objectContaining({ code }));
  });

  it.each([undefined, null, 'options', 5])('refuses %s in place of options', async (value) => {
    // A caller in JavaScript can pass anything.
    await expect(createContext(value as unknown as ContextOptions)).rejects.toThrowError(
      expect.objectContaining({ code: 'usage.options' }),
    );
  });
});
