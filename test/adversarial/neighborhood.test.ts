/** Attacks on who a client's neighbors are: whoever holds all their keys reads the client's input. */
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { compareBytes, fromHex } from '../../src/core/bytes.js';
import { contextHash } from '../../src/secagg/context.js';
import type { Advertisement } from '../../src/secagg/messages/advertise.js';
import { encodeAdvertise } from '../../src/secagg/messages/advertise.js';
import type { RosterEntry, RosterMessage } from '../../src/secagg/messages/roster.js';
import { rosterGraph } from '../../src/secagg/roster.js';
import { codeOf, laxPolicy, makeAuthority, makeContext, makeSeat, makeWorld, type Seat } from '../support/session.js';
import {
  enrolSpy,
  identitiesAround,
  makeSpy,
  type Spy,
  type SpyOptions,
  signAdvertisement,
  surround,
} from '../support/surround.js';

/** Which defence is switched off. */
const off = vi.hoisted(() => ({
  findFault: false,
  addDistinct: false,
  checkOrder: false,
  checkIdentities: false,
  checkProof: false,
  checkNeighbors: false,
  lowOrder: false,
  canonical: false,
}));

vi.mock('../../src/secagg/advertisement.js', async (original) => {
  const real = await original<typeof import('../../src/secagg/advertisement.js')>();
  return {
    ...real,
    findFault: (...all: Parameters<typeof real.findFault>) => (off.findFault ? undefined : real.findFault(...all)),
    addDistinct: (...all: Parameters<typeof real.addDistinct>) =>
      off.addDistinct ? undefined : real.addDistinct(...all),
  };
});

vi.mock('../../src/secagg/client/roster-checks.js', async (original) => {
  const real = await original<typeof import('../../src/secagg/client/roster-checks.js')>();
  return {
    checkOrder: (...all: Parameters<typeof real.checkOrder>) => (off.checkOrder ? undefined : real.checkOrder(...all)),
    checkIdentities: (...all: Parameters<typeof real.checkIdentities>) =>
      off.checkIdentities ? undefined : real.checkIdentities(...all),
    checkProof: (...all: Parameters<typeof real.checkProof>) => (off.checkProof ? undefined : real.checkProof(...all)),
    checkNeighbors: (...all: Parameters<typeof real.checkNeighbors>) =>
      off.checkNeighbors ? undefined : real.checkNeighbors(...all),
  };
});

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

const input = [11, 22, 33, 44];
const authority = await makeAuthority();
const rogue = await makeAuthority('rogue');
const context = await makeContext(authority, 'neighborhood');
const hash = contextHash(context);

const victimOf = (policy = laxPolicy): Promise<Seat> =>
  makeSeat({ peer: 'victim', authority, context, seed: 'neighborhood', policy, input });

async function spyOf(name: string, options: Partial<SpyOptions> & { until?: number; by?: typeof authority } = {}) {
  const identity = await enrolSpy(options.by ?? authority, name, options.until);
  return makeSpy({ name, context: hash, identity, ...options });
}

const spiesOf = (count: number, options?: Parameters<typeof spyOf>[1]): Promise<Spy[]> =>
  Promise.all(Array.from({ length: count }, (_, i) => spyOf(`spy ${i}`, options)));

/** Advertisements of honest clients, whose secrets the server doesn't know. */
const honest = async (count: number): Promise<Advertisement[]> =>
  (await Promise.all(Array.from({ length: count }, (_, i) => spyOf(`honest ${i}`)))).map(
    ({ advertisement }) => advertisement,
  );

const completeOf = (n: number, threshold: number) => ({ n, degree: n - 1, threshold });
const ring9 = { n: 9, degree: 4, threshold: 3 };

/** Spies in the places `indices` of a roster, in the order of identity keys as seen from `own`. */
function inOrder(spies: readonly Spy[], own: RosterEntry, indices: readonly number[]): Map<number, Spy> {
  const pool = [...spies].sort((a, b) => compareBytes(idOf(a.advertisement), idOf(b.advertisement)));
  const below = pool.filter(({ advertisement }) => compareBytes(idOf(advertisement), idOf(own.advertisement)) < 0);
  const above = pool.filter(({ advertisement }) => compareBytes(idOf(advertisement), idOf(own.advertisement)) > 0);
  const placed = new Map<number, Spy>();
  for (const index of indices) {
    const spy = (index < own.index ? below : above).shift();
    if (spy !== undefined) placed.set(index, spy);
  }
  return placed;
}

const idOf = (advertisement: Advertisement): Uint8Array => advertisement.certificate.identityKey;

describe('hand-picked neighbors', () => {
  const attack = async () => {
    const spies = await spiesOf(4);
    const own = await victimOf();
    return surround({
      victim: own,
      spies,
      others: await honest(4),
      parameters: ring9,
      choose: (members) => spies.map(({ advertisement }) => members.indexOf(advertisement)),
    });
  };

  it('are refused: the graph under the root gives others', async () => {
    expect(await attack()).toEqual({ refused: 'roster.neighbors' });
  });

  it('control: without checkNeighbors, colluders around a client read its input', async () => {
    off.checkNeighbors = true;
    expect(await attack()).toEqual({ stolen: input });
  });

  it('fewer or more neighbors than the degree are refused', async () => {
    for (const count of [3, 5, 8]) {
      const others = await honest(8);
      const result = await surround({
        victim: await victimOf(),
        spies: [],
        others,
        parameters: ring9,
        choose: (members, own) =>
          members
            .map((_, i) => i)
            .filter((i) => i !== own)
            .slice(0, count),
      });
      expect(result).toEqual({ refused: 'roster.neighbors' });
    }
  });
});

describe('swapped keys', () => {
  /** Honest identities, whose signatures are over their own keys: the server puts its keys in the place of those. */
  const attack = async (swapped: readonly ('channelKey' | 'maskKey')[], count = 4) => {
    const spies = await Promise.all(
      Array.from({ length: 4 }, async (_, i) => {
        const identity = await enrolSpy(authority, `owner ${i}`);
        const genuine = (await makeSpy({ name: `owner ${i}`, context: hash, identity })).advertisement;
        const alter = (forged: Advertisement): Advertisement => ({
          ...genuine,
          ...(swapped.includes('channelKey') ? { channelKey: forged.channelKey } : {}),
          ...(swapped.includes('maskKey') ? { maskKey: forged.maskKey } : {}),
        });
        const options = { name: `server ${i}`, context: hash, identity };
        return makeSpy(i < count ? { ...options, alter } : options);
      }),
    );
    return surround({ victim: await victimOf(), spies, parameters: completeOf(5, 3) });
  };

  it('are refused, one or all of them, channel or mask key', async () => {
    for (const keys of [['channelKey'], ['maskKey'], ['channelKey', 'maskKey']] as const)
      for (const count of [1, 4]) expect(await attack(keys, count)).toEqual({ refused: 'advertise.signature' });
  });

  it('control: without findFault, the server reads the input', async () => {
    off.findFault = true;
    expect(await attack(['channelKey', 'maskKey'])).toEqual({ stolen: input });
  });
});

describe('unenrolled identities (Sybils)', () => {
  const attack = async () =>
    surround({ victim: await victimOf(), spies: await spiesOf(4, { by: rogue }), parameters: completeOf(5, 3) });

  it("are refused: their certificates are not the pinned authority's", async () => {
    expect(await attack()).toEqual({ refused: 'advertise.certificate' });
  });

  it('one among honest neighbors is refused as well', async () => {
    const [sybil] = await spiesOf(1, { by: rogue });
    const spies = sybil === undefined ? [] : [sybil];
    const result = await surround({
      victim: await victimOf(),
      spies,
      others: await honest(3),
      parameters: completeOf(5, 3),
    });
    expect(result).toEqual({ refused: 'advertise.certificate' });
  });

  it('control: without findFault, made-up neighbors read the input', async () => {
    off.findFault = true;
    expect(await attack()).toEqual({ stolen: input });
  });

  it('an authority that the server puts in the place of the pinned one is refused', async () => {
    const other = await makeContext(rogue, 'neighborhood');
    await expect(
      makeSeat({ peer: 'victim', authority, context: { ...other, authority: rogue.publicKey }, seed: 'x', input }),
    ).rejects.toMatchObject({ code: 'policy.authority' });
  });
});

describe('expired certificates', () => {
  /** Devices that were retired, and whose keys have leaked. */
  const attack = async (until: number) =>
    surround({ victim: await victimOf(), spies: await spiesOf(4, { until }), parameters: completeOf(5, 3) });

  it('are refused from the first second after their last', async () => {
    expect(await attack(999_999)).toEqual({ refused: 'advertise.expired' });
    expect(await attack(1_000_000)).toEqual({ stolen: input });
  });

  it('control: without findFault, retired devices read the input', async () => {
    off.findFault = true;
    expect(await attack(999_999)).toEqual({ stolen: input });
  });

  it('a date moved by the server breaks the certificate', async () => {
    const later = (advertisement: Advertisement): Advertisement => ({
      ...advertisement,
      certificate: { ...advertisement.certificate, validUntil: 3_000_000 },
    });
    const spies = await spiesOf(4, { until: 999_999, alter: later });
    const result = await surround({ victim: await victimOf(), spies, parameters: completeOf(5, 3) });
    expect(result).toEqual({ refused: 'advertise.certificate' });
  });
});

describe('forged roster proofs', () => {
  /** Others see the roster of honest clients under the root; the victim sees spies in the places of its neighbors. */
  const attack = async () => {
    const victim = await victimOf();
    const others = await honest(8);
    const spies = await spiesOf(24);
    const alter = (message: RosterMessage): RosterMessage => {
      const own = message.entries.find(({ advertisement }) => !others.includes(advertisement));
      if (own === undefined) return message;
      const places = message.entries.filter((entry) => entry !== own).map(({ index }) => index);
      const placed = inOrder(spies, own, places);
      return {
        ...message,
        entries: message.entries.map((entry) => ({
          index: entry.index,
          advertisement: placed.get(entry.index)?.advertisement ?? entry.advertisement,
        })),
      };
    };
    return surround({ victim, spies, members: others, parameters: ring9, alter });
  };

  it('members swapped under the root are refused', async () => {
    expect(await attack()).toEqual({ refused: 'roster.root' });
  });

  it('control: without checkProof, spies in the places of honest neighbors read the input', async () => {
    off.checkProof = true;
    off.checkIdentities = true;
    expect(await attack()).toEqual({ stolen: input });
  });

  const edits: readonly (readonly [string, (message: RosterMessage) => RosterMessage, string])[] = [
    ['a hash too few', (m) => ({ ...m, proof: m.proof.slice(1) }), 'merkle.proof'],
    ['a hash too many', (m) => ({ ...m, proof: [...m.proof, new Uint8Array(32)] }), 'merkle.proof'],
    ['hashes in another order', (m) => ({ ...m, proof: [...m.proof].reverse() }), 'roster.root'],
    ['another root', (m) => ({ ...m, root: new Uint8Array(32) }), 'roster.root'],
    ['no entry', (m) => ({ ...m, entries: [] }), 'roster.self'],
    ['entries in another order', (m) => ({ ...m, entries: [...m.entries].reverse() }), 'roster.order'],
    ['an entry twice', (m) => ({ ...m, entries: m.entries.flatMap((e) => [e, e]) }), 'roster.order'],
    [
      'an entry beyond the roster',
      (m) => ({ ...m, entries: m.entries.map((e) => ({ ...e, index: e.index + 9 })) }),
      'roster.order',
    ],
  ];
  it.each(edits)('%s: refused', async (_name, alter, refused) => {
    const result = await surround({
      victim: await victimOf(),
      spies: [],
      others: await honest(8),
      parameters: ring9,
      alter,
    });
    expect(result).toEqual({ refused });
  });

  it('a roster without the client itself is refused', async () => {
    const strangers = await honest(9);
    const alter = (m: RosterMessage): RosterMessage => ({
      ...m,
      entries: m.entries.filter(({ advertisement }) => strangers.includes(advertisement)),
    });
    off.checkProof = true;
    const result = await surround({
      victim: await victimOf(),
      spies: [],
      others: strangers.slice(1),
      parameters: ring9,
      alter,
    });
    expect(result).toEqual({ refused: 'roster.self' });
  });
});

describe('one enrolled client in many places of a sparse roster', () => {
  /** Four enrolled spies fill 40 places, each with keys of its own; no two copies of one are the victim's neighbors. */
  const parameters = { n: 41, degree: 4, threshold: 3 };
  const attack = async () => {
    for (let attempt = 0; attempt < 400; attempt += 1) {
      const identities = await Promise.all([0, 1, 2, 3].map((i) => enrolSpy(authority, `twin ${i}`)));
      const spies = await Promise.all(
        Array.from({ length: 40 }, async (_, i) => {
          const identity = identities[i % 4];
          if (identity === undefined) throw new Error('no identity');
          return makeSpy({ name: `copy ${i} of attempt ${attempt}`, context: hash, identity });
        }),
      );
      const result = await surround({ victim: await victimOf(), spies, parameters });
      // Where the victim sees two copies at once, the server tries other keys: a new root, a new graph.
      if (result.refused !== 'advertise.duplicate' && result.refused !== 'roster.order') return result;
    }
    return { refused: 'never' };
  };

  it('is refused: the roster lists all identity keys, and they ascend', async () => {
    expect(await attack()).toEqual({ refused: 'roster.identities' });
  });

  it('control: without the list, four spies in forty places read the input', async () => {
    off.checkIdentities = true;
    expect(await attack()).toEqual({ stolen: input });
  });

  it('an entry that the list has another key for is refused', async () => {
    const result = await surround({
      victim: await victimOf(),
      spies: await spiesOf(8),
      parameters: ring9,
      alter: (message) => {
        const identities = message.identities.slice();
        const own = message.entries[0]?.index ?? 0;
        identities[32 * own + 31] = (identities[32 * own + 31] ?? 0) ^ 1;
        return { ...message, identities };
      },
    });
    expect(result).toEqual({ refused: 'roster.root' });
  });
});

describe('a server that lies about n', () => {
  /** Four spies and the victim are all there are; the server claims 33 clients, since the victim wants 32. */
  const claimed = { n: 33, degree: 4, threshold: 3 };
  const attack = async () => {
    const victim = await victimOf({ ...laxPolicy, minClients: 32 });
    const spies = await spiesOf(24);
    const members = await honest(4);
    const alter = (message: RosterMessage): RosterMessage => {
      const own = message.entries.find(({ advertisement }) => !members.includes(advertisement));
      if (own === undefined) return message;
      const index = 16;
      const places = [...rosterGraph(message.root, claimed).neighborsOf(index)];
      const placed = inOrder(spies, { ...own, index }, places);
      const entries = [...placed].map(([place, { advertisement }]) => ({ index: place, advertisement }));
      entries.push({ index, advertisement: own.advertisement });
      entries.sort((a, b) => a.index - b.index);
      return { ...message, parameters: claimed, entries, identities: identitiesAround(claimed.n, entries) };
    };
    return surround({ victim, spies, members, parameters: completeOf(5, 3), alter });
  };

  it('is refused: the root is of another number of leaves', async () => {
    expect((await attack()).refused).toMatch(/^(merkle.proof|roster.root)$/);
  });

  it('control: without checkProof, four spies are taken for a cohort of 33', async () => {
    off.checkProof = true;
    expect(await attack()).toEqual({ stolen: input });
  });

  it('more clients than the ring has room for are refused', async () => {
    const result = await surround({
      victim: await victimOf(),
      spies: [],
      others: await honest(64),
      parameters: { n: 65, degree: 4, threshold: 3 },
    });
    expect(result).toEqual({ refused: 'roster.wrap' });
  });
});

describe('one device in many places', () => {
  const sameIdentity = async () => {
    const identity = await enrolSpy(authority, 'one device');
    const spies = await Promise.all(
      Array.from({ length: 4 }, (_, i) => makeSpy({ name: `place ${i}`, context: hash, identity })),
    );
    return surround({ victim: await victimOf(), spies, parameters: completeOf(5, 3) });
  };

  it('an identity that stands twice is refused', async () => {
    expect(await sameIdentity()).toEqual({ refused: 'advertise.duplicate' });
  });

  it('and again by the order of identities, which must ascend', async () => {
    off.addDistinct = true;
    expect(await sameIdentity()).toEqual({ refused: 'roster.order' });
  });

  it('control: without the checks, one enrolled colluder surrounds a client and reads its input', async () => {
    off.addDistinct = true;
    off.checkOrder = true;
    off.checkIdentities = true;
    expect(await sameIdentity()).toEqual({ stolen: input });
  });

  /** Several identities with one key pair: whoever holds it holds all their shares. */
  const sameKeys = async () => {
    const spies = await Promise.all(
      Array.from({ length: 4 }, async (_, i) =>
        makeSpy({ name: 'shared keys', context: hash, identity: await enrolSpy(authority, `spy ${i}`) }),
      ),
    );
    return surround({ victim: await victimOf(), spies, parameters: completeOf(5, 3) });
  };

  it('session keys that stand twice are refused', async () => {
    expect(await sameKeys()).toEqual({ refused: 'advertise.duplicate' });
  });

  it('control: without addDistinct, one key pair passes for four', async () => {
    off.addDistinct = true;
    expect(await sameKeys()).toEqual({ stolen: input });
  });

  it('a channel key that is a mask key elsewhere, or in the same place, is refused', async () => {
    const [a, b] = await spiesOf(2);
    if (a === undefined || b === undefined) throw new Error('two spies');
    const cross = await spyOf('spy 1', { alter: (x) => ({ ...x, maskKey: a.advertisement.channelKey }) });
    const same = await spyOf('spy 1', { alter: (x) => ({ ...x, maskKey: x.channelKey }) });
    for (const spies of [
      [a, cross],
      [a, same],
    ])
      expect(await surround({ victim: await victimOf(), spies, parameters: completeOf(3, 2) })).toEqual({
        refused: 'advertise.duplicate',
      });
  });
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
