/**
 * Attacks on who survived: what clients reveal depends on it, so a server that tells several stories learns too much.
 */
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { agreeAll } from '../../src/crypto/agreement.js';
import { nodeProvider } from '../../src/crypto/provider/provider.node.js';
import { encodeConfirmations } from '../../src/secagg/messages/confirmations.js';
import { encodeSurvivors } from '../../src/secagg/messages/survivors.js';
import { maskPrivateKey } from '../../src/secagg/seeds.js';
import { Survivors } from '../../src/secagg/survivors.js';
import { type Hijack, hijack } from '../support/hijack.js';
import { complete, laxPolicy, makeWorld, plainSum, sparse } from '../support/session.js';
import { strip } from '../support/thief.js';

/** Which defence is switched off. */
const off = vi.hoisted(() => ({
  checkParameters: false,
  checkConfirmations: false,
  forget: false,
  minSurvivors: false,
  unknownSurvivors: false,
  ownSurvival: false,
  survivingNeighbors: false,
}));

vi.mock('../../src/secagg/policy.js', async (original) => {
  const real = await original<typeof import('../../src/secagg/policy.js')>();
  return {
    ...real,
    checkParameters: (...all: Parameters<typeof real.checkParameters>) =>
      off.checkParameters ? undefined : real.checkParameters(...all),
  };
});

vi.mock('../../src/secagg/client/unmask.js', async (original) => {
  const real = await original<typeof import('../../src/secagg/client/unmask.js')>();
  return {
    ...real,
    checkConfirmations: async (...all: Parameters<typeof real.checkConfirmations>) =>
      off.checkConfirmations ? undefined : real.checkConfirmations(...all),
    checkSurvivors: (...[survivors, checks]: Parameters<typeof real.checkSurvivors>) => {
      const { roster, held } = checks;
      const everything = new Map(roster.neighbors.map(({ index }) => [index, undefined]));
      real.checkSurvivors(survivors, {
        held: off.unknownSurvivors ? everything : held,
        minSurvivors: off.minSurvivors ? 0 : checks.minSurvivors,
        roster: {
          ...roster,
          index: off.ownSurvival
            ? ([...Array(roster.parameters.n).keys()].find((i) => survivors.has(i)) ?? 0)
            : roster.index,
          parameters: off.survivingNeighbors ? { ...roster.parameters, threshold: 0 } : roster.parameters,
        },
      });
    },
  };
});

vi.mock('../../src/secagg/client/memory.js', async (original) => {
  const real = await original<typeof import('../../src/secagg/client/memory.js')>();
  return {
    ...real,
    forget: (...[memory, state]: Parameters<typeof real.forget>) =>
      off.forget && memory.state === 'confirmed'
        ? { state: 'submitted', roster: memory.roster, held: memory.held }
        : real.forget(memory, state),
  };
});

beforeEach(() => {
  for (const name of Object.keys(off) as (keyof typeof off)[]) off[name] = false;
});

/** Nobody colludes, but the server lies: 2t > k. */
const wary = {
  ...laxPolicy,
  assumptions: { corrupt: 0, dropout: 0, threat: 'malicious', securityBits: 1, grindingBits: 0 },
} as const;

const inputOf = (captured: Hijack, index: number): number[] => [...captured.at(index).seat.input.lanes];
const of = (indices: readonly number[], list: Survivors): [number, Survivors][] =>
  indices.map((index) => [index, list]);

describe('a client that is told to be a survivor here and a dropout there', () => {
  /** Six clients; half of them hear that client 0 survived, half that it dropped out. */
  const attack = async (threshold: number) => {
    const captured = await hijack(await makeWorld({ n: 6, parameters: complete(threshold), policy: wary }));
    const lists = new Map([...of([0, 1, 2], captured.without()), ...of([3, 4, 5], captured.without(0))]);
    const refused = await captured.announce(lists);
    return { captured, refused, stolen: await captured.stealBySeeds(0) };
  };

  it('is safe: no half has enough signatures, so nobody reveals anything', async () => {
    const { captured, refused, stolen } = await attack(4);
    expect([...refused.values()]).toEqual(Array(6).fill('confirmations.few'));
    expect(captured.shares(0, 'mask')).toEqual([]);
    expect(captured.shares(0, 'self-mask')).toEqual([]);
    expect(stolen).toBeUndefined();
  });

  it('a threshold at which two halves can sign is refused', async () => {
    await expect(attack(2)).rejects.toMatchObject({ code: 'policy.parameters' });
  });

  it('control: at that threshold, without the policy, both seeds are revealed and the input is read', async () => {
    off.checkParameters = true;
    const { captured, refused, stolen } = await attack(2);
    expect(refused.size).toBe(0);
    expect(stolen).toEqual(inputOf(captured, 0));
  });

  it('even without the signatures, a lawful threshold keeps one of the seeds', async () => {
    off.checkConfirmations = true;
    const { captured, refused, stolen } = await attack(4);
    expect(refused.size).toBe(0);
    expect(captured.shares(0, 'mask').length + captured.shares(0, 'self-mask').length).toBe(5);
    expect(stolen).toBeUndefined();
  });

  it('one list cannot say both: it has one bit a client', () => {
    const list = Survivors.of(6, [0, 0, 1]);
    expect([list.size, list.has(0), list.has(2)]).toEqual([2, true, false]);
  });
});

describe('a list of survivors for each client', () => {
  /**
   * In a sparse graph each client hears a list of its own, which leaves out few of its neighbors. Together the lists
   * leave out each neighbor of client 0 in front of t others, so that all its pairwise masks come off.
   */
  const attack = async () => {
    const world = await makeWorld({
      n: 20,
      parameters: sparse(8, 5),
      policy: { ...wary, minSurvivors: 15 },
    });
    const captured = await hijack(world);
    const { neighbors } = captured.at(0);
    const needed = new Map(neighbors.map((index) => [index, 5]));
    const overlap = (index: number): number[] => captured.at(index).neighbors.filter((one) => neighbors.includes(one));
    const holders = captured.captives.map(({ index }) => index).sort((a, b) => overlap(a).length - overlap(b).length);
    const lists = new Map<number, Survivors>();
    for (const holder of holders) {
      const worst = overlap(holder).sort((a, b) => (needed.get(b) ?? 0) - (needed.get(a) ?? 0));
      const left = worst.filter((index) => (needed.get(index) ?? 0) > 0).slice(0, 3);
      for (const index of left) needed.set(index, (needed.get(index) ?? 0) - 1);
      lists.set(holder, captured.without(...left));
    }
    expect([...needed.values()].every((count) => count === 0)).toBe(true);
    const refused = await captured.announce(lists);
    return { captured, refused, stolen: await captured.stealByNeighbors(0) };
  };

  it('is refused: too few neighbors signed the same one', async () => {
    const { refused, stolen } = await attack();
    expect(refused.get(0)).toBe('confirmations.few');
    expect(stolen).toBeUndefined();
  });

  it('control: without checkConfirmations, the masks of one client come off and its input is read', async () => {
    off.checkConfirmations = true;
    const { captured, stolen } = await attack();
    expect(stolen).toEqual(inputOf(captured, 0));
  });

  it("signatures over another list, of strangers, of dropouts or twice don't count", async () => {
    const captured = await hijack(await makeWorld({ n: 5, parameters: complete(3), policy: wary }));
    const tag = captured.world.contextHash.subarray(0, 16);
    const list = captured.without(4);
    const signatures: Uint8Array[] = [];
    for (const index of [0, 1, 2, 3]) {
      const answer = await captured.send(index, encodeSurvivors(tag, list.bitmap));
      if (typeof answer !== 'string') signatures.push(answer.slice(-64));
    }
    const [, one, two, three] = signatures as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
    const confirmations = (...pairs: readonly (readonly [number, Uint8Array])[]): Uint8Array =>
      encodeConfirmations(
        tag,
        pairs.map(([index, signature]) => ({ index, signature })),
      );
    const cases: readonly (readonly [number, Uint8Array, string])[] = [
      [0, confirmations([1, one], [1, one], [2, two]), 'confirmations.order'],
      [1, confirmations([1, one], [2, two], [3, three]), 'confirmations.order'],
      [2, confirmations([0, one], [3, three], [4, two]), 'confirmations.order'],
      [3, confirmations([0, one], [1, one], [2, one]), 'confirmations.few'],
    ];
    for (const [index, message, code] of cases) expect(await captured.send(index, message)).toBe(code);
  });
});

describe('a second unmask request', () => {
  /** First everybody survived, then client 0 didn't. */
  const attack = async () => {
    const captured = await hijack(await makeWorld({ n: 5, parameters: complete(3), policy: wary }));
    const first = await captured.announce(new Map(of([0, 1, 2, 3, 4], captured.without())));
    expect(first.size).toBe(0);
    const refused = await captured.announce(new Map(of([1, 2, 3, 4], captured.without(0))));
    return { captured, refused, stolen: await captured.stealBySeeds(0) };
  };

  it('is refused: the client has revealed and forgotten', async () => {
    const { refused, stolen } = await attack();
    expect([...refused.values()]).toEqual(Array(4).fill('order.unexpected'));
    expect(stolen).toBeUndefined();
  });

  it('control: a client that does not forget reveals both shares, and the input is read', async () => {
    off.forget = true;
    const { captured, refused, stolen } = await attack();
    expect(refused.size).toBe(0);
    expect(stolen).toEqual(inputOf(captured, 0));
  });

  it('nor is a second list confirmed before anything was revealed', async () => {
    const captured = await hijack(await makeWorld({ n: 5, parameters: complete(3), policy: wary }));
    const tag = captured.world.contextHash.subarray(0, 16);
    expect(await captured.send(1, encodeSurvivors(tag, captured.without().bitmap))).toBeInstanceOf(Uint8Array);
    expect(await captured.send(1, encodeSurvivors(tag, captured.without(0).bitmap))).toBe('order.unexpected');
    expect(captured.at(1).seat.client.state).toBe('aborted');
  });

  it('nor is the same request answered twice', async () => {
    const captured = await hijack(await makeWorld({ n: 5, parameters: complete(3), policy: wary }));
    await captured.announce(new Map(of([0, 1, 2, 3, 4], captured.without())));
    const tag = captured.world.contextHash.subarray(0, 16);
    expect(await captured.send(1, encodeConfirmations(tag, []))).toBe('order.unexpected');
  });
});

describe('too few survivors', () => {
  /** Four colluders, one client whose input the server knows, and the victim; the rest is said to have dropped out. */
  const attack = async () => {
    const world = await makeWorld({
      n: 8,
      parameters: complete(5),
      policy: { ...wary, minSurvivors: 7 },
      inputs: (client) => (client === 1 ? [0, 0, 0, 0] : [client * 3 + 1, 2, 3, 4]),
    });
    const captured = await hijack(world);
    const known = captured.of('client 1').index;
    const victim = captured.of('client 0').index;
    const colluders = captured.captives
      .map(({ index }) => index)
      .filter((i) => i !== known && i !== victim)
      .slice(0, 4);
    const survivors = Survivors.of(8, [known, victim, ...colluders]);
    // Colluders refuse nothing, so their policy counts for nothing.
    const refused = await captured.announce(new Map(of([known, victim, ...colluders], survivors)));
    const dropped = captured.captives.map(({ index }) => index).filter((index) => !survivors.has(index));
    const peers = [known, victim, ...colluders];
    if (dropped.some((index) => captured.seed(index, 'mask') === undefined)) return { refused, captured, victim };
    const sum = await sumOver(captured, peers, dropped);
    const stolen = sum.map((value, i) =>
      colluders.reduce((left, c) => left - (captured.at(c).seat.input.lanes[i] ?? 0), value),
    );
    return { refused, captured, victim, stolen };
  };

  /** What the server computes as the sum of `peers`, from the seeds it was given. */
  const sumOver = async (captured: Hijack, peers: readonly number[], dropped: readonly number[]): Promise<number[]> => {
    const sums = new Array<number>(4).fill(0);
    for (const peer of peers) {
      const loot = captured.loot(peer);
      const gone = loot.neighbors.filter(({ index }) => dropped.includes(index));
      const secrets: Uint8Array[] = [];
      for (const { index } of gone) {
        const seed = captured.seed(index, 'mask');
        if (seed === undefined) throw new Error('a seed is missing');
        const [secret] = await agreeAll(nodeProvider, maskPrivateKey(captured.world.contextHash, seed), [
          captured.at(peer).maskKey,
        ]);
        secrets.push(secret ?? new Uint8Array(32));
      }
      const selfMaskSeed = captured.seed(peer, 'self-mask') ?? new Uint8Array(32);
      const part = await strip({ ...loot, neighbors: gone }, { selfMaskSeed, secrets });
      part.forEach((value, i) => {
        sums[i] = ((sums[i] ?? 0) + value) & 0xffff;
      });
    }
    return sums;
  };

  it('are refused by the floor of the policy', async () => {
    const { refused, stolen } = await attack();
    expect([...refused.values()]).toEqual(Array(6).fill('survivors.few'));
    expect(stolen).toBeUndefined();
  });

  it('control: without the floor, the sum of so few is the one input that the server does not know', async () => {
    off.minSurvivors = true;
    const { captured, victim, stolen } = await attack();
    expect(stolen).toEqual(inputOf(captured, victim));
  });

  it('a list that leaves out the client itself, or too many neighbors, is refused', async () => {
    const captured = await hijack(await makeWorld({ n: 8, parameters: complete(5), policy: wary }));
    const tag = captured.world.contextHash.subarray(0, 16);
    const send = (index: number, list: Survivors) => captured.send(index, encodeSurvivors(tag, list.bitmap));
    expect(await send(0, captured.without(0))).toBe('survivors.self');
    expect(await send(1, captured.without(0, 2, 3))).toBe('survivors.neighbors');
    expect(await send(2, captured.without(3, 4))).toBeInstanceOf(Uint8Array);
    expect(await send(3, new Survivors(8, new Uint8Array(1)))).toBe('survivors.self');
    expect(await captured.send(4, encodeSurvivors(tag, new Uint8Array(2)))).toBe('survivors.form');
  });

  it('control: without the check of surviving neighbors, a client signs a list that only colluders are on', async () => {
    off.survivingNeighbors = true;
    const captured = await hijack(await makeWorld({ n: 8, parameters: complete(5), policy: wary }));
    const tag = captured.world.contextHash.subarray(0, 16);
    expect(await captured.send(0, encodeSurvivors(tag, Survivors.of(8, [0, 1]).bitmap))).toBeInstanceOf(Uint8Array);
  });

  it('control: without the check of its own survival, a client helps to unmask the others as if it had dropped out', async () => {
    off.ownSurvival = true;
    const captured = await hijack(await makeWorld({ n: 8, parameters: complete(5), policy: wary }));
    const tag = captured.world.contextHash.subarray(0, 16);
    expect(await captured.send(0, encodeSurvivors(tag, captured.without(0).bitmap))).toBeInstanceOf(Uint8Array);
  });
});

describe('shares that the server does not pass on', () => {
  /**
   * Two halves that never got each other's shares, so they don't mask with each other; but all are told that all
   * survived. The threshold is one that a client accepts from a server that it holds to be honest.
   */
  const attack = async () => {
    const halfOf = (index: number): number => (index < 3 ? 0 : 1);
    const world = await makeWorld({ n: 6, parameters: complete(2), policy: { ...laxPolicy, minSurvivors: 6 } });
    const captured = await hijack(world, {
      deliver: (deliveries, to) => deliveries.filter(({ sender }) => halfOf(sender) === halfOf(to.index)),
    });
    const refused = await captured.announce(new Map(of([0, 1, 2, 3, 4, 5], captured.without())));
    return { captured, refused, stolen: await captured.stealSum([0, 1, 2]) };
  };

  it('are noticed when their sender survives', async () => {
    const { refused, stolen } = await attack();
    expect([...refused.values()]).toEqual(Array(6).fill('survivors.unknown'));
    expect(stolen).toBeUndefined();
  });

  it('control: without that check, the server gets the sum of three where six was the least', async () => {
    off.unknownSurvivors = true;
    const { captured, stolen } = await attack();
    expect(stolen).toEqual(
      plainSum(
        captured.world,
        [0, 1, 2].map((index) => captured.at(index).seat.peer),
      ),
    );
  });
});
