/** What comes after the reveals: seeds, wrong shares, application seeds, thresholds. */
import { describe, expect, test } from 'vitest';
import { decodeUnmask, encodeUnmask, type Reveal } from '../../../src/secagg/messages/unmask.js';
import type { Phase } from '../../../src/secagg/phase.js';
import {
  codeOf,
  complete,
  type Hand,
  makeWorld,
  type Outcome,
  plainSum,
  play,
  sumOf,
  type World,
} from '../../support/session.js';

const n = 9;
const threshold = 5;

const world = (releaseAt: readonly number[] = []): Promise<World> =>
  makeWorld({ n, seed: 'recovery', parameters: complete(threshold), context: { releaseAt } });

const client = (i: number): string => `client ${i}`;
const others = (...without: readonly number[]): string[] =>
  Array.from({ length: n }, (_, i) => i)
    .filter((i) => !without.includes(i))
    .map(client);

/** Loses the message of a phase of these clients: to the server they have dropped out. */
function losing(phase: Phase, ...clients: readonly number[]): Hand {
  const peers = new Set(clients.map(client));
  return (message, { peer, name }) =>
    peers.has(peer) && (name === phase || (phase === 'input' && name === 'inputEnd')) ? undefined : message;
}

/** Changes what these clients reveal. */
function cheating(clients: readonly number[], change: (reveal: Reveal) => Reveal): Hand {
  const peers = new Set(clients.map(client));
  return (message, { peer, name }) => {
    if (name !== 'unmask' || !peers.has(peer)) return message;
    const tag = message.subarray(1, 17);
    return encodeUnmask(tag, decodeUnmask(tag, message).map(change));
  };
}

const both =
  (first: Hand, second: Hand): Hand =>
  (message, at) => {
    const passed = first(message, at);
    return passed instanceof Uint8Array ? second(passed, at) : passed;
  };

const flipped = (reveal: Reveal): Reveal => ({
  ...reveal,
  shares: reveal.shares.map((byte, i) => byte ^ (i === 3 ? 1 : 0)),
});

const sorted = (peers: readonly string[] | undefined): readonly string[] => [...(peers ?? [])].sort();

describe('wrong seed shares', () => {
  test.each([
    ['self-mask', []],
    ['mask', [8]],
  ] as const)('of a %s seed: the sum is right and the cheaters are named', async (kind, dropped) => {
    const session = await world();
    // Floor of (9 - dropped - 1 - 5) / 2 wrong shares can be corrected for each owner.
    const cheats = cheating([2], (reveal) => (reveal.kind === kind ? flipped(reveal) : reveal));
    const outcome = await play(session, { up: both(losing('input', ...dropped), cheats) });
    expect(sumOf(outcome)).toEqual(plainSum(session, others(...dropped)));
    expect(outcome.result?.cheaters).toEqual([client(2)]);
  });

  test('several cheaters, each on other owners', async () => {
    const session = await world();
    const cheats = cheating([1, 4, 6, 7], (reveal) => (reveal.owner === 0 ? flipped(reveal) : reveal));
    const outcome = await play(session, { up: cheats });
    // At most one of the eight holders of that seed over what can be corrected: (8 - 5) / 2 = 1.
    expect(outcome.result).toBeUndefined();
    expect(codeOf(outcome.aborted)).toBe('unmask.undecodable');
  });

  test('as many as can be corrected for one owner, others for another', async () => {
    const session = await world();
    let turn = 0;
    // Each cheater spoils the share of one owner of its own.
    const cheats = cheating([1, 4], (reveal) => {
      if (reveal.owner !== turn) return reveal;
      turn += 1;
      return flipped(reveal);
    });
    const outcome = await play(session, { up: cheats });
    expect(sumOf(outcome)).toEqual(plainSum(session, others()));
    expect(outcome.result?.cheaters.length).toBeGreaterThan(0);
    expect([client(1), client(4)]).toEqual(expect.arrayContaining([...(outcome.result?.cheaters ?? [])]));
  });

  test('exactly t shares, one of them wrong: noticed by the commitment, not summed', async () => {
    const session = await world();
    const up = both(losing('unmask', 6, 7, 8), cheating([2], flipped));
    const outcome = await play(session, { up });
    expect(outcome.result).toBeUndefined();
    expect(codeOf(outcome.aborted)).toBe('unmask.undecodable');
  });

  test('a holder that says its shares didn’t open is no cheater', async () => {
    const session = await world();
    const silent = cheating([2, 3], ({ owner }) => ({ owner, kind: 'nothing', shares: new Uint8Array() }));
    const outcome = await play(session, { up: silent });
    expect(sumOf(outcome)).toEqual(plainSum(session, others()));
    expect(outcome.result?.cheaters).toEqual([]);
  });
});

describe('the threshold', () => {
  // Everybody has eight neighbors; whoever stays in must find five among the others that stay.
  const just: readonly (readonly [Phase, readonly number[]])[] = [
    ['share', [6, 7, 8]],
    ['input', [6, 7, 8]],
    ['confirm', [6, 7, 8]],
    ['unmask', [6, 7, 8]],
  ];

  test.each(just)('t others left after %s: the exact sum', async (phase, dropped) => {
    const session = await world();
    const outcome = await play(session, { up: losing(phase, ...dropped) });
    const summed = phase === 'share' || phase === 'input' ? others(...dropped) : others();
    expect(sumOf(outcome)).toEqual(plainSum(session, summed));
    expect(sorted(outcome.result?.survivors)).toEqual(sorted(summed));
    expect(sorted(outcome.result?.dropouts[phase])).toEqual(sorted(dropped.map(client)));
  });

  test.each(just)('one fewer after %s: a typed abort, and nothing was revealed before', async (phase, dropped) => {
    const session = await world();
    let revealed = 0;
    const lose = losing(phase, 5, ...dropped);
    const outcome = await play(session, {
      up: (message, at) => {
        if (at.name === 'unmask') revealed += 1;
        return lose(message, at);
      },
    });
    expect(outcome.result).toBeUndefined();
    expect(codeOf(outcome.aborted)).toBe(`${phase}.few`);
    if (phase !== 'unmask') expect(revealed).toBe(0);
  });

  test('dropouts in every phase at once', async () => {
    const session = await world();
    const up = both(losing('input', 8), both(losing('confirm', 7), losing('unmask', 6)));
    const outcome = await play(session, { up });
    expect(sumOf(outcome)).toEqual(plainSum(session, others(8)));
    expect(outcome.result?.dropouts).toMatchObject({
      input: [client(8)],
      confirm: [client(7)],
      unmask: [client(6)],
    });
  });
});

describe('application seeds', () => {
  const releaseAt = [2, 8, 9];

  async function seedsAfter(...dropped: readonly number[]): Promise<{ session: World; outcome: Outcome }> {
    const session = await world(releaseAt);
    return { session, outcome: await play(session, { up: losing('input', ...dropped) }) };
  }

  test.each([
    [[], [0, 1, 2]],
    [[3], [0, 1]],
    [[3, 4], [0]],
  ] as const)('without %j the survivors release %j, exactly, and nobody else does', async (dropped, released) => {
    const { session, outcome } = await seedsAfter(...dropped);
    const seeds = outcome.result?.applicationSeeds;
    expect(sorted([...(seeds?.keys() ?? [])])).toEqual(sorted(others(...dropped)));
    for (const { peer, secrets } of session.seats) {
      if (dropped.map(client).includes(peer)) continue;
      const ofPeer = seeds?.get(peer);
      expect([...(ofPeer?.keys() ?? [])]).toEqual(released);
      const { applicationSeeds } = secrets;
      for (const position of released) expect(ofPeer?.get(position)).toEqual(applicationSeeds[position]);
    }
  });

  test('what isn’t released isn’t on the wire', async () => {
    const session = await world(releaseAt);
    const lengths = new Set<number>();
    const lose = losing('input', 3);
    await play(session, {
      up: (message, at) => {
        if (at.name === 'unmask')
          for (const { kind, shares } of decodeUnmask(message.subarray(1, 17), message))
            if (kind === 'self-mask') lengths.add(shares.length);
        return lose(message, at);
      },
    });
    expect([...lengths]).toEqual([3 * 32]);
  });

  test('a wrong share of an application seed is corrected and its holder named', async () => {
    const session = await world(releaseAt);
    const spoil = (reveal: Reveal): Reveal =>
      reveal.kind === 'self-mask'
        ? { ...reveal, shares: reveal.shares.map((byte, i) => byte ^ (i === 70 ? 1 : 0)) }
        : reveal;
    const outcome = await play(session, { up: cheating([2], spoil) });
    expect(outcome.result?.cheaters).toEqual([client(2)]);
    for (const { peer, secrets } of session.seats)
      expect(outcome.result?.applicationSeeds.get(peer)?.get(1)).toEqual(secrets.applicationSeeds[1]);
  });
});
