import { beforeAll, describe, expect, it } from 'vitest';
import { concatBytes, fromHex, lookupKey } from '../../src/core/bytes.js';
import { PeerError } from '../../src/core/errors.js';
import { nobleProvider } from '../../src/crypto/provider/noble.js';
import { nodeProvider } from '../../src/crypto/provider/provider.node.js';
import {
  type AdvertisementChecks,
  type AdvertisementFault,
  addDistinct,
  advertiseInput,
  findFault,
} from '../../src/secagg/advertisement.js';
import { createIdentity, createKeyPair, type Identity, type KeyPair } from '../../src/secagg/identity.js';
import type { Advertisement } from '../../src/secagg/messages/advertise.js';
import { testProvider } from '../support/provider.js';

const provider = testProvider('advertisement');
const contextHash = new Uint8Array(32).fill(1);
const validUntil = 1000;

let authority: KeyPair;
let checks: AdvertisementChecks;
let roster: readonly Advertisement[];

async function advertise({ certificate, privateKey }: Identity): Promise<Advertisement> {
  const channelKey = await provider.agreementPublicKey(provider.randomBytes(32));
  const maskKey = await provider.agreementPublicKey(provider.randomBytes(32));
  const signature = await provider.sign(privateKey, advertiseInput(contextHash, channelKey, maskKey));
  return { certificate, channelKey, maskKey, signature };
}

beforeAll(async () => {
  authority = await createKeyPair(provider);
  checks = { authority: authority.publicKey, contextHash, time: validUntil };
  const made: Advertisement[] = [];
  for (let i = 0; i < 4; i += 1) made.push(await advertise(await createIdentity({ authority, validUntil, provider })));
  roster = made;
});

/** What noble and node both find. */
async function fault(
  advertisements: readonly Advertisement[],
  against: AdvertisementChecks = checks,
): Promise<Pick<AdvertisementFault, 'position' | 'code'> | undefined> {
  const [noble, node] = await Promise.all(
    [nobleProvider, nodeProvider].map((one) => findFault(one, advertisements, against)),
  );
  expect(noble).toEqual(node);
  return noble === undefined ? undefined : { position: noble.position, code: noble.code };
}

/** The roster with one advertisement changed. */
const changed = (position: number, change: (one: Advertisement) => Advertisement): readonly Advertisement[] =>
  roster.map((one, i) => (i === position ? change(one) : one));

const flip = (bytes: Uint8Array): Uint8Array => bytes.map((byte, i) => (i === 5 ? byte ^ 1 : byte));

describe('advertiseInput', () => {
  it('is label, context hash, channel key and mask key', () => {
    const [a, b, c] = [1, 2, 3].map((value) => new Uint8Array(32).fill(value));
    if (a === undefined || b === undefined || c === undefined) throw new Error('three arrays');
    const label = fromHex('137665696c73756d2f3120616476657274697365'); // 19, "veilsum/1 advertise"
    expect(advertiseInput(a, b, c)).toEqual(concatBytes(label, a, b, c));
  });
});

describe('findFault', () => {
  it('finds none among honest advertisements, nor among none', async () => {
    expect(await fault(roster)).toBeUndefined();
    expect(await fault([])).toBeUndefined();
  });

  it('takes a certificate up to its last second', async () => {
    expect(await fault(roster, { ...checks, time: 0 })).toBeUndefined();
    expect(await fault(roster, { ...checks, time: validUntil + 1 })).toEqual({
      position: 0,
      code: 'advertise.expired',
    });
  });

  it('finds the one that has expired', async () => {
    const old = await advertise(await createIdentity({ authority, validUntil: validUntil - 1, provider }));
    expect(await fault(changed(2, () => old))).toEqual({ position: 2, code: 'advertise.expired' });
  });

  it('finds a certificate whose date was moved', async () => {
    const moved = changed(1, (one) => ({ ...one, certificate: { ...one.certificate, validUntil: validUntil + 1 } }));
    expect(await fault(moved)).toEqual({ position: 1, code: 'advertise.certificate' });
  });

  it('finds a certificate of another authority, and refuses all under another pinned key', async () => {
    const other = await createKeyPair(provider);
    const foreign = await advertise(await createIdentity({ authority: other, validUntil, provider }));
    expect(await fault(changed(3, () => foreign))).toEqual({ position: 3, code: 'advertise.certificate' });
    expect(await fault(roster, { ...checks, authority: other.publicKey })).toEqual({
      position: 0,
      code: 'advertise.certificate',
    });
  });

  it('finds a certificate that the client signed itself', async () => {
    const self = await createKeyPair(provider);
    const identity = await createIdentity({ authority: self, validUntil, provider });
    expect(await fault([await advertise(identity)])).toEqual({ position: 0, code: 'advertise.certificate' });
  });

  it("finds another client's certificate, whose key did not sign", async () => {
    const stolen = changed(0, (one) => ({ ...one, certificate: roster[1]?.certificate ?? one.certificate }));
    expect(await fault(stolen)).toEqual({ position: 0, code: 'advertise.signature' });
  });

  it.each<[string, (one: Advertisement) => Advertisement]>([
    ['channel key', (one) => ({ ...one, channelKey: flip(one.channelKey) })],
    ['mask key', (one) => ({ ...one, maskKey: flip(one.maskKey) })],
    ['signature', (one) => ({ ...one, signature: flip(one.signature) })],
    ['order of the keys', (one) => ({ ...one, channelKey: one.maskKey, maskKey: one.channelKey })],
  ])('finds a changed %s', async (_, change) => {
    expect(await fault(changed(2, change))).toEqual({ position: 2, code: 'advertise.signature' });
  });

  it('finds an advertisement for another session', async () => {
    expect(await fault(roster, { ...checks, contextHash: new Uint8Array(32) })).toEqual({
      position: 0,
      code: 'advertise.signature',
    });
  });

  it.each<[string, (key: Uint8Array) => Uint8Array]>([
    ['the high bit set', (key) => key.map((byte, i) => (i === 31 ? byte | 0x80 : byte))],
    ['p', () => fromHex(`ed${'ff'.repeat(30)}7f`)],
    ['p + 9', () => fromHex(`f6${'ff'.repeat(30)}7f`)],
    ['31 bytes', (key) => key.subarray(1)],
  ])('finds an X25519 key that is not canonical: %s', async (_, alias) => {
    for (const name of ['channelKey', 'maskKey'] as const)
      expect(await fault(changed(1, (one) => ({ ...one, [name]: alias(one[name]) })))).toEqual({
        position: 1,
        code: 'advertise.key',
      });
  });

  it('finds the first of several bad signatures', async () => {
    const bad = roster.map((one, i) => (i === 1 || i === 3 ? { ...one, signature: new Uint8Array(64) } : one));
    expect(await fault(bad)).toEqual({ position: 1, code: 'advertise.signature' });
  });
});

describe('addDistinct', () => {
  const three = (identity: number, channel: number, mask: number): Advertisement => ({
    certificate: { identityKey: new Uint8Array(32).fill(identity), validUntil, signature: new Uint8Array(64) },
    channelKey: new Uint8Array(32).fill(channel),
    maskKey: new Uint8Array(32).fill(mask),
    signature: new Uint8Array(64),
  });

  it('keeps all three keys of each', () => {
    const keys = new Set<string>();
    addDistinct(keys, three(1, 2, 3));
    addDistinct(keys, three(4, 5, 6));
    expect(keys).toEqual(new Set([1, 2, 3, 4, 5, 6].map((fill) => lookupKey(new Uint8Array(32).fill(fill)))));
  });

  it.each([
    ['identity', three(1, 5, 6)],
    ['channel key', three(4, 2, 6)],
    ['mask key', three(4, 5, 3)],
    ["channel key that is another's mask key", three(4, 3, 6)],
    ["mask key that is another's identity", three(4, 5, 1)],
    ['channel key that is its own mask key', three(4, 5, 5)],
    ['identity that is its own channel key', three(4, 4, 6)],
    ['identity that is its own mask key', three(4, 5, 4)],
  ])('refuses a second %s, and adds nothing', (_, second) => {
    const keys = new Set<string>();
    addDistinct(keys, three(1, 2, 3));
    expect(() => addDistinct(keys, second)).toThrow(PeerError);
    expect(() => addDistinct(keys, second)).toThrowError(expect.objectContaining({ code: 'advertise.duplicate' }));
    expect(keys.size).toBe(3);
  });
});
