/** Attacks by session keys that anyone can agree with, or that have two forms. */
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { fromHex } from '../../src/core/bytes.js';
import { encodeAdvertise } from '../../src/secagg/messages/advertise.js';
import { authority, completeOf, context, hash, input, spyOf, victimOf } from '../support/neighborhood.js';
import { codeOf, makeWorld } from '../support/session.js';
import { enrolSpy, makeSpy, type Spy, signAdvertisement, surround } from '../support/surround.js';

/** Which defence is switched off. */
const off = vi.hoisted(() => ({ lowOrder: false, canonical: false }));

vi.mock('../../src/crypto/agreement.js', async (original) => {
  const real = await original<typeof import('../../src/crypto/agreement.js')>();
  /** What RFC 7748 makes of any 32 bytes: the high bit doesn't count. */
  const plain = (key: Uint8Array): Uint8Array => key.map((byte, i) => (i === 31 ? byte & 0x7f : byte));
  return {
    ...real,
    isCanonicalAgreementKey: (key: Uint8Array) => off.canonical || real.isCanonicalAgreementKey(key),
    agreeAll: async (...[provider, privateKey, keys]: Parameters<typeof real.agreeAll>) => {
      const secrets = await real.agreeAll(provider, privateKey, off.canonical ? keys.map(plain) : keys);
      return off.lowOrder ? secrets.map((secret) => secret ?? new Uint8Array(32)) : secrets;
    },
  };
});

beforeEach(() => {
  for (const name of Object.keys(off) as (keyof typeof off)[]) off[name] = false;
});

/** The canonical u-coordinates of low order. */
const lowOrder = [
  '00'.repeat(32),
  `01${'00'.repeat(31)}`,
  'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
  '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
  `ec${'ff'.repeat(30)}7f`,
].map(fromHex);

/** Two enrolled spies with these four keys, signed properly: nobody needs their private keys. */
async function withKeys(keys: readonly (Uint8Array | undefined)[]): Promise<Spy[]> {
  return Promise.all(
    [0, 1].map(async (i) => {
      const identity = await enrolSpy(authority, `spy ${i}`);
      const usual = await makeSpy({ name: `spy ${i}`, context: hash, identity });
      const { channelKey, maskKey } = usual.advertisement;
      const chosen = { channelKey: keys[2 * i] ?? channelKey, maskKey: keys[2 * i + 1] ?? maskKey };
      return { ...usual, advertisement: await signAdvertisement(identity, hash, chosen) };
    }),
  );
}

describe('keys of low order', () => {
  const zero: Spy['secretWith'] = async () => new Uint8Array(32);
  const attack = async () =>
    surround({
      victim: await victimOf(),
      spies: (await withKeys(lowOrder)).map((spy) => ({ ...spy, secretWith: zero })),
      parameters: completeOf(3, 2),
    });

  it('are refused: they make the shared secret zero', async () => {
    expect(await attack()).toEqual({ refused: 'roster.key' });
  });

  it('each of them, as channel key or as mask key, ends the session with its secrets wiped', async () => {
    for (const key of lowOrder)
      for (const place of [0, 1]) {
        const victim = await victimOf();
        const spies = await withKeys(place === 0 ? [key] : [undefined, key]);
        expect(await surround({ victim, spies, parameters: completeOf(3, 2) })).toEqual({ refused: 'roster.key' });
        expect(victim.client.state).toBe('aborted');
      }
  });

  it('control: where a zero secret is accepted, anyone reads the input without a private key', async () => {
    off.lowOrder = true;
    expect(await attack()).toEqual({ stolen: input });
  });

  it('the server refuses them as well, and the session goes on', async () => {
    for (const key of lowOrder)
      for (const keys of [[key], [undefined, key]]) {
        const world = await makeWorld({ context });
        const [spy] = await withKeys(keys);
        if (spy === undefined) throw new Error('a spy');
        const code = await world.server
          .receive('spy', encodeAdvertise(hash.subarray(0, 16), spy.advertisement))
          .then(() => 'taken', codeOf);
        expect(code).toBe('advertise.key');
      }
  });
});

describe('aliased keys', () => {
  const highBit = (key: Uint8Array): Uint8Array => key.map((byte, i) => (i === 31 ? byte | 0x80 : byte));
  /** Two identities, one key pair: the second shows it under its other encoding, so that it doesn't look the same. */
  const attack = async () => {
    const first = await spyOf('alias');
    const identity = await enrolSpy(authority, 'alias 2');
    const { channelKey, maskKey } = first.advertisement;
    const keys = { channelKey: highBit(channelKey), maskKey: highBit(maskKey) };
    const second = { ...first, advertisement: await signAdvertisement(identity, hash, keys) };
    return surround({ victim: await victimOf(), spies: [first, second], parameters: completeOf(3, 2) });
  };

  it('are refused: a key has one encoding', async () => {
    expect(await attack()).toEqual({ refused: 'advertise.key' });
  });

  it('control: without the canonical check, one key pair passes for two', async () => {
    off.canonical = true;
    expect(await attack()).toEqual({ stolen: input });
  });

  it('control of the control: the same key under the same encoding is refused as a duplicate', async () => {
    off.canonical = true;
    const [a, b] = [
      await spyOf('alias'),
      await makeSpy({ name: 'alias', context: hash, identity: await enrolSpy(authority, 'alias 2') }),
    ];
    const result = await surround({ victim: await victimOf(), spies: [a, b], parameters: completeOf(3, 2) });
    expect(result).toEqual({ refused: 'advertise.duplicate' });
  });

  it('encodings from p on are refused', async () => {
    for (const end of ['ed', 'ee', 'ff']) {
      const spies = await withKeys([fromHex(`${end}${'ff'.repeat(30)}7f`)]);
      expect(await surround({ victim: await victimOf(), spies, parameters: completeOf(3, 2) })).toEqual({
        refused: 'advertise.key',
      });
    }
  });
});
