/** Attacks on seed shares: wrong ones, ones that never fitted, ones that are sent back to where they came from. */
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { decodeDelivery, encodeDelivery } from '../../src/secagg/messages/delivery.js';
import { decodeShare, encodeShare } from '../../src/secagg/messages/share.js';
import { decodeUnmask, encodeUnmask, type Reveal } from '../../src/secagg/messages/unmask.js';
import { hijack } from '../support/hijack.js';
import {
  codes,
  complete,
  type Hand,
  type Hands,
  laxPolicy,
  makeWorld,
  type Outcome,
  plainSum,
  play,
  sparse,
  sumOf,
  tagOf,
  type World,
} from '../support/session.js';
import { recovered, stripWithSeeds } from '../support/thief.js';

const off = vi.hoisted(() => ({ correction: false, maskKeyCheck: false, directions: false }));

vi.mock('../../src/crypto/shamir/index.js', async (original) => {
  const real = await original<typeof import('../../src/crypto/shamir/index.js')>();
  return {
    ...real,
    /** What everybody else does: the first t shares, whatever they are. */
    recoverSecret: (...[shares, threshold, options]: Parameters<typeof real.recoverSecret>) =>
      off.correction
        ? real.recoverSecret(shares.slice(0, threshold), threshold)
        : real.recoverSecret(shares, threshold, options),
  };
});

vi.mock('../../src/secagg/server/recovery-checks.js', async (original) => {
  const real = await original<typeof import('../../src/secagg/server/recovery-checks.js')>();
  return {
    ...real,
    checkMaskSeed: async (...all: Parameters<typeof real.checkMaskSeed>) =>
      off.maskKeyCheck ? undefined : real.checkMaskSeed(...all),
  };
});

vi.mock('../../src/secagg/client/direction.js', async (original) => {
  const real = await original<typeof import('../../src/secagg/client/direction.js')>();
  return {
    /** One key and one associated data for both directions. */
    direction: (...[from, to]: Parameters<typeof real.direction>) =>
      off.directions ? real.direction(Math.min(from, to), Math.max(from, to)) : real.direction(from, to),
  };
});

beforeEach(() => {
  for (const name of Object.keys(off) as (keyof typeof off)[]) off[name] = false;
});

const flip = (bytes: Uint8Array): Uint8Array => bytes.map((byte, i) => (i === 0 ? byte ^ 1 : byte));

/** The hand of cheaters that change every share they reveal. */
const cheating =
  (world: World, peers: readonly string[], change: (reveal: Reveal) => Reveal): Hand =>
  (message, { peer, name }) =>
    name !== 'unmask' || !peers.includes(peer)
      ? message
      : encodeUnmask(tagOf(world), decodeUnmask(tagOf(world), message).map(change));

const wrongShares = (reveal: Reveal): Reveal => ({ ...reveal, shares: flip(reveal.shares) });

const expectExact = (world: World, outcome: Outcome): void => {
  expect(outcome.aborted).toBeUndefined();
  expect(sumOf(outcome)).toEqual(plainSum(world, outcome.result?.survivors ?? []));
};

/** Nine clients, t = 3: eight holders a seed, so up to two wrong shares of seven or eight are corrected. */
const nine = () => makeWorld({ n: 9, parameters: complete(3), context: { releaseAt: [2, 9] } });
const dropout: Hand = (message, { peer, name }) => (peer === 'client 8' && name === 'inputEnd' ? undefined : message);
const both =
  (first: Hand, second: Hand): Hand =>
  (message, at) => {
    const passed = first(message, at);
    return passed instanceof Uint8Array ? second(passed, at) : passed;
  };

describe('wrong seed shares', () => {
  it.each([
    ['one', ['client 0']],
    ['two', ['client 0', 'client 3']],
  ])('of %s: the sum is right and the cheaters are named', async (_name, cheaters) => {
    const world = await nine();
    const outcome = await play(world, { up: both(dropout, cheating(world, cheaters, wrongShares)) });
    expectExact(world, outcome);
    expect([...(outcome.result?.cheaters ?? [])].sort()).toEqual(cheaters);
    expect(outcome.result?.survivors).not.toContain('client 8');
  });

  it('in the share of one seed only are found too', async () => {
    const world = await nine();
    let first = true;
    const once = (reveal: Reveal): Reveal => {
      if (!first || reveal.kind !== 'mask') return reveal;
      first = false;
      return wrongShares(reveal);
    };
    const outcome = await play(world, { up: both(dropout, cheating(world, ['client 2'], once)) });
    expectExact(world, outcome);
    expect(outcome.result?.cheaters).toEqual(['client 2']);
  });

  it('beyond the radius: a typed abort, and no sum', async () => {
    for (const cheaters of [3, 4, 6, 8]) {
      const world = await nine();
      const names = Array.from({ length: cheaters }, (_, i) => `client ${i}`);
      const outcome = await play(world, { up: both(dropout, cheating(world, names, wrongShares)) });
      expect(outcome.aborted).toMatchObject({ code: 'unmask.undecodable' });
      expect([world.server.state, outcome.result]).toEqual(['aborted', undefined]);
    }
  });

  it("that all agree on another polynomial: the owner's commitment and mask key tell", async () => {
    // Every holder shifts its share by the same amount: a codeword, of another seed.
    for (const kind of ['mask', 'self-mask'] as const) {
      const world = await nine();
      const shift = (reveal: Reveal): Reveal => (reveal.kind === kind ? wrongShares(reveal) : reveal);
      const everybody = world.seats.map(({ peer }) => peer);
      const outcome = await play(world, { up: both(dropout, cheating(world, everybody, shift)) });
      expect(outcome.aborted).toMatchObject({ code: 'unmask.undecodable' });
    }
  });

  it('control: without correction and check, one cheater makes the sum wrong, silently', async () => {
    off.correction = true;
    off.maskKeyCheck = true;
    const world = await nine();
    let cheater: string | undefined;
    const first: Hand = (message, at) => {
      if (at.name === 'unmask') cheater ??= at.peer;
      return cheater === undefined ? message : cheating(world, [cheater], wrongShares)(message, at);
    };
    const outcome = await play(world, { up: both(dropout, first) });
    expect(outcome.aborted).toBeUndefined();
    expect(outcome.result?.cheaters).toEqual([]);
    expect(sumOf(outcome)).not.toEqual(plainSum(world, outcome.result?.survivors ?? []));
  });

  it("control: without the mask key check, holders in league replace a dropout's masks and the sum is wrong", async () => {
    off.maskKeyCheck = true;
    const world = await nine();
    const shift = (reveal: Reveal): Reveal => (reveal.kind === 'mask' ? wrongShares(reveal) : reveal);
    const everybody = world.seats.map(({ peer }) => peer);
    const outcome = await play(world, { up: both(dropout, cheating(world, everybody, shift)) });
    expect(outcome.aborted).toBeUndefined();
    expect(sumOf(outcome)).not.toEqual(plainSum(world, outcome.result?.survivors ?? []));
  });

  const lies: readonly (readonly [string, (reveal: Reveal, i: number) => Reveal, string])[] = [
    ['of the other kind', (r) => ({ ...r, kind: r.kind === 'mask' ? 'self-mask' : 'mask' }), 'unmask.kind'],
    ['too short', (r) => ({ ...r, shares: r.shares.slice(2) }), 'unmask.length'],
    ['too long', (r) => ({ ...r, shares: new Uint8Array(r.shares.length + 32) }), 'unmask.length'],
    ['of another owner', (r, i) => ({ ...r, owner: 100 + i }), 'unmask.owners'],
    ['called nothing', (r) => ({ ...r, kind: 'nothing' }), 'unmask.length'],
  ];
  it.each(lies)('%s: refused, and the others make the sum', async (_name, lie, code) => {
    const world = await nine();
    const up: Hand = (message, { peer, name }) =>
      name === 'unmask' && peer === 'client 1'
        ? encodeUnmask(tagOf(world), decodeUnmask(tagOf(world), message).map(lie))
        : message;
    const outcome = await play(world, { up: both(dropout, up) });
    expect(codes(outcome)).toEqual([code]);
    expectExact(world, outcome);
  });
});

/** A dealer's hand on its own share message. */
const dealing =
  (world: World, change: (message: ReturnType<typeof decodeShare>) => ReturnType<typeof decodeShare>): Hand =>
  (message, { peer, name }) =>
    name === 'share' && peer === 'client 0'
      ? encodeShare(tagOf(world), change(decodeShare(tagOf(world), message, world.context.releaseAt.length)))
      : message;

describe('a hostile dealer', () => {
  const badCommitment = (position: number) => (world: World) =>
    dealing(world, (share) => ({
      ...share,
      commitments: share.commitments.map((commitment, i) => (i === position ? flip(commitment) : commitment)),
    }));

  it("whose shares don't fit its commitment ends the session by a typed abort that names it", async () => {
    for (const position of [0, 1]) {
      const world = await nine();
      const outcome = await play(world, { up: badCommitment(position)(world) });
      const index = outcome.result === undefined ? await indexOf('client 0') : -1;
      expect(outcome.aborted).toMatchObject({
        code: 'unmask.undecodable',
        message: expect.stringContaining(`client ${index} `),
      });
    }
  });

  /** The roster index of a client: a session with the same keys has the same roster. */
  const indexOf = async (peer: string): Promise<number> => {
    const world = await nine();
    return (await play(world)).result?.roster.indexOf(peer) ?? -1;
  };

  it('control: without the check, the sum is taken for good although the dealer could have dealt anything', async () => {
    off.correction = true;
    const world = await nine();
    const outcome = await play(world, { up: badCommitment(0)(world) });
    expect(outcome.aborted).toBeUndefined();
  });

  it('that drops out before its input, having dealt shares of another mask seed, is found out by its mask key', async () => {
    const world = await nine();
    const owner = 'client 8';
    // The dealer's own shares, but shifted by one polynomial in front of everybody.
    const shifted = cheating(
      world,
      world.seats.map(({ peer }) => peer),
      (r) => (r.kind === 'mask' ? wrongShares(r) : r),
    );
    const outcome = await play(world, { up: both(dropout, shifted) });
    const index = await indexOf(owner);
    expect(outcome.aborted).toMatchObject({ message: expect.stringContaining(`client ${index} `) });
  });

  it('that seals garbage to one neighbor harms nobody: that neighbor reveals nothing of it, and the sum is right', async () => {
    for (const change of [
      (sealed: readonly Uint8Array[]) => sealed.map((bytes, i) => (i === 3 ? flip(bytes) : bytes)),
      (sealed: readonly Uint8Array[]) => sealed.map((bytes, i) => (i === 3 ? (sealed[4] ?? bytes) : bytes)),
      (sealed: readonly Uint8Array[]) => sealed.map((bytes, i) => (i === 3 ? new Uint8Array(bytes.length) : bytes)),
    ]) {
      const world = await nine();
      const kinds: string[] = [];
      const watch: Hand = (message, { name }) => {
        if (name === 'unmask') kinds.push(...decodeUnmask(tagOf(world), message).map(({ kind }) => kind));
        return message;
      };
      const outcome = await play(world, {
        up: both(
          dealing(world, (s) => ({ ...s, sealed: change(s.sealed) })),
          watch,
        ),
      });
      expectExact(world, outcome);
      expect(codes(outcome)).toEqual([]);
      expect(outcome.result?.survivors).toHaveLength(9);
      expect(outcome.result?.cheaters).toEqual([]);
      expect(kinds.filter((kind) => kind === 'nothing')).toHaveLength(1);
    }
  });

  it('that seals garbage to so many that t are not left ends the session by a typed abort', async () => {
    const world = await nine();
    const up = dealing(world, (s) => ({ ...s, sealed: s.sealed.map((bytes, i) => (i < 6 ? flip(bytes) : bytes)) }));
    expect((await play(world, { up })).aborted).toMatchObject({ code: 'unmask.few' });
  });

  it('that seals to too many or too few is refused, and the rest go on', async () => {
    for (const change of [
      (sealed: readonly Uint8Array[]) => sealed.slice(1),
      (sealed: readonly Uint8Array[]) => [...sealed, sealed[0] ?? new Uint8Array()],
      () => [],
    ]) {
      const world = await nine();
      const outcome = await play(world, { up: dealing(world, (s) => ({ ...s, sealed: change(s.sealed) })) });
      expect(codes(outcome)).toEqual(['share.count']);
      expectExact(world, outcome);
      expect(outcome.result?.dropouts.share).toEqual(['client 0']);
    }
  });
});

describe('sealed shares sent back to their sender', () => {
  /**
   * The server returns to the victim what it sealed, as if its neighbors had sealed it. Told that two of them dropped
   * out, the victim reveals its own shares for theirs. Its threshold suits a server that it holds to be honest.
   */
  const attack = async () => {
    const world = await makeWorld({ n: 5, parameters: complete(2), policy: laxPolicy });
    const index = 0;
    const captured = await hijack(world, {
      deliver: (deliveries, to) =>
        to.index === index
          ? deliveries.map(({ sender, sealed }, i) => ({ sender, sealed: to.own[i] ?? sealed }))
          : deliveries,
    });
    const dropped = [3, 4];
    const list = captured.without(...dropped);
    const refused = await captured.announce(new Map([0, 1, 2].map((one) => [one, list])));
    const { neighbors, seat } = captured.at(index);
    // Its reveals of "dropouts" are shares of its own mask seed, numbered as their holders.
    const shares = captured
      .reveals(index)
      .filter(({ kind }) => kind === 'mask')
      .map(({ owner, shares: share }) => ({ holder: neighbors.indexOf(owner) + 1, share }));
    const maskSeed = recovered(shares, 2);
    const selfMaskSeed = captured.seed(index, 'self-mask');
    const stolen =
      maskSeed === undefined || selfMaskSeed === undefined
        ? undefined
        : await stripWithSeeds(captured.loot(index), maskSeed, selfMaskSeed);
    return { refused, stolen, input: [...seat.input.lanes] };
  };

  it("don't open: each direction has a key of its own", async () => {
    const { refused, stolen } = await attack();
    expect(refused.size).toBe(0);
    expect(stolen).toBeUndefined();
  });

  it('control: with one key for both directions, the victim reveals its own mask seed and its input is read', async () => {
    off.directions = true;
    const { stolen, input } = await attack();
    expect(stolen).toEqual(input);
  });
});

describe('sealed shares of others', () => {
  it('delivered under a wrong name, to a wrong receiver or out of order gain nothing', async () => {
    const cases: readonly (readonly [
      string,
      (d: ReturnType<typeof decodeDelivery>) => ReturnType<typeof decodeDelivery>,
      string[],
    ])[] = [
      ['out of order', (d) => [...d].reverse(), ['delivery.order']],
      ['twice', (d) => d.flatMap((one) => [one, one]), ['delivery.order']],
      [
        'of a stranger',
        (d) => d.map((one, i) => (i === d.length - 1 ? { ...one, sender: 500 } : one)),
        ['delivery.order'],
      ],
      ['too few', (d) => d.slice(0, 2), ['delivery.few']],
      ['none', () => [], ['delivery.few']],
      [
        "under each other's names",
        (d) => d.map((one, i) => ({ ...one, sealed: d[(i + 1) % d.length]?.sealed ?? one.sealed })),
        [],
      ],
    ];
    for (const [, change, expected] of cases) {
      const world = await nine();
      const down: Hand = (message, { peer, name }) =>
        name === 'delivery' && peer === 'client 4'
          ? encodeDelivery(tagOf(world), change(decodeDelivery(tagOf(world), message, 2)))
          : message;
      const outcome = await play(world, { down });
      expect(codes(outcome)).toEqual(expected);
      expectExact(world, outcome);
    }
  });

  it('in a sparse graph, bad shares from one client to one neighbor leave the rest untouched', async () => {
    const world = await makeWorld({ n: 12, parameters: sparse(6, 3) });
    const hands: Hands = {
      up: dealing(world, (s) => ({ ...s, sealed: s.sealed.map((bytes, i) => (i === 0 ? flip(bytes) : bytes)) })),
    };
    const outcome = await play(world, hands);
    expectExact(world, outcome);
    expect(outcome.result?.survivors).toHaveLength(12);
  });
});
