/** Attacks on who a client's neighbors are: whoever holds all their keys reads the client's input. */
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { compareBytes } from '../../src/core/bytes.js';
import type { Advertisement } from '../../src/secagg/messages/advertise.js';
import type { RosterEntry, RosterMessage } from '../../src/secagg/messages/roster.js';
import { rosterGraph } from '../../src/secagg/roster.js';
import { authority, completeOf, hash, honest, input, ring9, spiesOf, victimOf } from '../support/neighborhood.js';
import { laxPolicy } from '../support/session.js';
import { enrolSpy, identitiesAround, makeSpy, type Spy, surround } from '../support/surround.js';

/** Which defence is switched off. */
const off = vi.hoisted(() => ({ checkIdentities: false, checkProof: false, checkNeighbors: false }));

vi.mock('../../src/secagg/client/roster-checks.js', async (original) => {
  const real = await original<typeof import('../../src/secagg/client/roster-checks.js')>();
  return {
    ...real,
    checkIdentities: (...all: Parameters<typeof real.checkIdentities>) =>
      off.checkIdentities ? undefined : real.checkIdentities(...all),
    checkProof: (...all: Parameters<typeof real.checkProof>) => (off.checkProof ? undefined : real.checkProof(...all)),
    checkNeighbors: (...all: Parameters<typeof real.checkNeighbors>) =>
      off.checkNeighbors ? undefined : real.checkNeighbors(...all),
  };
});

beforeEach(() => {
  for (const name of Object.keys(off) as (keyof typeof off)[]) off[name] = false;
});

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
