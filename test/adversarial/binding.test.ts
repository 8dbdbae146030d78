/** Attacks that mix sessions: two models in one sum, and messages of yesterday in the session of today. */
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { ClientSession, ClientStep } from '../../src/secagg/client/session.js';
import { contextHash, frozenHash, type SessionContext, tagLength } from '../../src/secagg/context.js';
import type { MessageName } from '../../src/secagg/messages/envelope.js';
import { hijack } from '../support/hijack.js';
import {
  codeOf,
  codes,
  complete,
  type Hand,
  makeSeat,
  makeWorld,
  type Outcome,
  plainSum,
  play,
  type Seat,
  sumOf,
  type World,
} from '../support/session.js';
import { strip } from '../support/thief.js';

const off = vi.hoisted(() => ({
  tag: false,
  signatures: false,
  advertisements: '',
  modelHash: false,
  macs: false,
}));

vi.mock('../../src/secagg/messages/envelope.js', async (original) => {
  const real = await original<typeof import('../../src/secagg/messages/envelope.js')>();
  return {
    ...real,
    readMessage: (...[name, tag, message]: Parameters<typeof real.readMessage>) => {
      if (!off.tag) return real.readMessage(name, tag, message);
      const retagged = message.slice();
      retagged.set(tag, 1);
      return real.readMessage(name, tag, retagged);
    },
  };
});

vi.mock('../../src/crypto/signature.js', async (original) => {
  const real = await original<typeof import('../../src/crypto/signature.js')>();
  return {
    ...real,
    verifyAll: async (...[provider, checks]: Parameters<typeof real.verifyAll>) =>
      off.signatures ? checks.map(() => true) : real.verifyAll(provider, checks),
  };
});

vi.mock('../../src/secagg/input-mac.js', async (original) => {
  const real = await original<typeof import('../../src/secagg/input-mac.js')>();
  return {
    ...real,
    inputMacFits: (...all: Parameters<typeof real.inputMacFits>) => off.macs || real.inputMacFits(...all),
  };
});

vi.mock('../../src/secagg/advertisement.js', async (original) => {
  const real = await original<typeof import('../../src/secagg/advertisement.js')>();
  return {
    ...real,
    /** The server checks one at a time, a client all its neighbors at once. */
    findFault: (...[provider, all, checks]: Parameters<typeof real.findFault>) =>
      off.advertisements === 'everywhere' || (off.advertisements === 'server' && all.length === 1)
        ? undefined
        : real.findFault(provider, all, checks),
  };
});

vi.mock('../../src/secagg/context.js', async (original) => {
  const real = await original<typeof import('../../src/secagg/context.js')>();
  return {
    ...real,
    contextHash: (context: SessionContext) =>
      real.contextHash(off.modelHash ? { ...context, modelHash: new Uint8Array(32) } : context),
  };
});

beforeEach(() => {
  Object.assign(off, { tag: false, signatures: false, advertisements: '', modelHash: false, macs: false });
});

/** A client of another session whose messages the server relabels on the way, both ways. */
class Relabelled {
  readonly #client: ClientSession;
  readonly #theirs: Uint8Array;
  readonly #own: Uint8Array;

  constructor(client: ClientSession, theirs: SessionContext) {
    this.#client = client;
    this.#own = contextHash(client.context).subarray(0, tagLength);
    this.#theirs = contextHash(theirs).subarray(0, tagLength);
  }

  async start(): Promise<Uint8Array> {
    return relabel(await this.#client.start(), this.#theirs);
  }

  async receive(message: Uint8Array): Promise<ClientStep> {
    const step = await this.#client.receive(relabel(message, this.#own));
    return step.kind === 'send' ? { kind: 'send', message: relabel(step.message, this.#theirs) } : step;
  }

  async submit(...input: Parameters<ClientSession['submit']>): Promise<Iterable<Uint8Array>> {
    return [...(await this.#client.submit(...input))].map((message) => relabel(message, this.#theirs));
  }
}

function relabel(message: Uint8Array, tag: Uint8Array): Uint8Array {
  const other = message.slice();
  other.set(tag, 1);
  return other;
}

describe('two models to two clients', () => {
  /**
   * The victim trains the real model; all others got one that gives a zero update (Pasquini et al. 2022). The sum of
   * all is then the victim's update.
   */
  const split = async (): Promise<{ world: World; victim: Seat }> => {
    const options = { n: 5, parameters: complete(3), inputs: () => [0, 0, 0, 0] };
    const world = await makeWorld(options);
    const context = { ...world.context, modelHash: new Uint8Array(32).fill(7) };
    const { authority } = world;
    const seat = await makeSeat({ peer: 'client 0', authority, context, seed: 'world', input: [9, 8, 7, 6] });
    const client = new Relabelled(seat.client, world.context) as unknown as ClientSession;
    return { world: { ...world, seats: [{ ...seat, client }, ...world.seats.slice(1)] }, victim: seat };
  };

  it('ends at the first message: the advertisement is signed for another session', async () => {
    const { world } = await split();
    const outcome = await play(world);
    expect(codes(outcome)).toEqual(['advertise.signature']);
    // The others go on without the client that was told something else.
    expect(sumOf(outcome)).toEqual([0, 0, 0, 0]);
    expect(outcome.result?.survivors).not.toContain('client 0');
  });

  it('a server that overlooks it is refused by all its clients', async () => {
    off.advertisements = 'server';
    const { world } = await split();
    const outcome = await play(world);
    expect(codes(outcome)).toEqual(Array(5).fill('advertise.signature'));
    expect(outcome.aborted).toMatchObject({ code: 'share.few' });
  });

  it("even where no signature is checked, masks don't cancel: whatever else the server learns, the sum is noise", async () => {
    off.advertisements = 'everywhere';
    off.signatures = true;
    const { world, victim } = await split();
    const captured = await hijack(world);
    const root = frozenHash(contextHash(victim.client.context), captured.root, captured.parameters);
    const sums = [0, 0, 0, 0];
    for (const { index, seat } of captured.captives) {
      // The self mask of everybody is given to the server here.
      const binding = seat.peer === 'client 0' ? root : captured.frozenHash;
      const loot = { ...captured.loot(index), frozenHash: binding, neighbors: [] };
      const part = await strip(loot, { selfMaskSeed: seat.secrets.selfMaskSeed, secrets: [] });
      part.forEach((value, i) => {
        sums[i] = ((sums[i] ?? 0) + value) & 0xffff;
      });
    }
    expect(sums).not.toEqual([9, 8, 7, 6]);
    expect(sums.filter((value) => value < 256)).toEqual([]);
  });

  it('control: the same server with one model gets its sum that way', async () => {
    const world = await makeWorld({ n: 5, parameters: complete(3) });
    const captured = await hijack(world);
    const sums = [0, 0, 0, 0];
    for (const { index, seat } of captured.captives) {
      const loot = { ...captured.loot(index), neighbors: [] };
      const part = await strip(loot, { selfMaskSeed: seat.secrets.selfMaskSeed, secrets: [] });
      part.forEach((value, i) => {
        sums[i] = ((sums[i] ?? 0) + value) & 0xffff;
      });
    }
    expect(sums).toEqual(
      plainSum(
        world,
        world.seats.map(({ peer }) => peer),
      ),
    );
  });

  it("control: where the context does not hold the model, the sum is the victim's input", async () => {
    off.modelHash = true;
    const { world } = await split();
    const outcome = await play(world);
    expect(codes(outcome)).toEqual([]);
    expect(sumOf(outcome)).toEqual([9, 8, 7, 6]);
  });

  it('every field of the context changes its hash', async () => {
    const { context } = await makeWorld();
    const changes: readonly Partial<SessionContext>[] = [
      { suite: 2 },
      { threat: 'semi-honest' },
      { task: 'tesu' },
      { round: 1 },
      { session: new Uint8Array(32) },
      { planHash: new Uint8Array(32) },
      { modelHash: new Uint8Array(32) },
      { vectorLength: 5 },
      { ringBits: 17 },
      { maxClients: 65 },
      { authority: new Uint8Array(32) },
      { releaseAt: [0] },
      { releaseAt: [1] },
    ];
    const hashes = new Set([{}, ...changes].map((change) => contextHash({ ...context, ...change }).join()));
    expect(hashes.size).toBe(changes.length + 1);
  });
});

/** Records everything, and can put a message of an earlier session in the place of today's. */
type Record = Map<string, Uint8Array>;
const keyOf = (direction: string, peer: string, name: MessageName): string => `${direction} ${peer} ${name}`;

describe('messages of an earlier session', () => {
  const clients: readonly MessageName[] = ['advertise', 'share', 'input', 'inputEnd', 'confirm', 'unmask'];
  const servers: readonly MessageName[] = ['roster', 'delivery', 'survivors', 'confirmations', 'outcome'];

  const session = (seed: string) => makeWorld({ n: 5, parameters: complete(2), seed });

  const recorded = async (): Promise<Record> => {
    const record: Record = new Map();
    const watch =
      (direction: string): Hand =>
      (message, { peer, name }) => {
        record.set(keyOf(direction, peer, name), message);
        return message;
      };
    await play(await session('yesterday'), { up: watch('up'), down: watch('down') });
    return record;
  };

  const replay = async (direction: 'up' | 'down', names: readonly MessageName[]): Promise<[World, Outcome]> => {
    const record = await recorded();
    const world = await session('today');
    const hand: Hand = (message, { peer, name }) =>
      peer === 'client 2' && names.includes(name) ? record.get(keyOf(direction, peer, name)) : message;
    return [world, await play(world, { [direction]: hand })];
  };

  const rightOrAborted = (world: World, outcome: Outcome): boolean =>
    outcome.aborted === undefined
      ? JSON.stringify(sumOf(outcome)) === JSON.stringify(plainSum(world, outcome.result?.survivors ?? []))
      : /^[a-z]+\.[a-z]+$/.test(codeOf(outcome.aborted));

  it.each(clients)('%s: refused by the server', async (name) => {
    const [world, outcome] = await replay('up', [name]);
    expect(codes(outcome)[0]).toBe('session.mismatch');
    expect(outcome.refusals[0]?.by).toBe('server');
    expect(rightOrAborted(world, outcome)).toBe(true);
  });

  it.each(servers)('%s: refused by the client', async (name) => {
    const [world, outcome] = await replay('down', [name]);
    expect(codes(outcome)).toEqual(['session.mismatch']);
    expect(outcome.refusals[0]?.by).toBe('client');
    expect(rightOrAborted(world, outcome)).toBe(true);
  });

  /** What stands behind the tag: `effect` where it is not a refusal. */
  const second: readonly (readonly ['up' | 'down', readonly MessageName[], readonly string[], string])[] = [
    ['up', ['advertise'], ['advertise.signature'], 'sum'],
    ['up', ['share'], [], 'unmask.few'],
    ['up', ['input'], ['input.mac'], 'sum'],
    ['up', ['inputEnd'], ['input.mac'], 'sum'],
    ['up', ['input', 'inputEnd'], ['input.mac'], 'sum'],
    ['up', ['confirm'], ['confirm.signature'], 'sum'],
    ['up', ['unmask'], [], 'cheater'],
    ['down', ['roster'], ['roster.self'], 'sum'],
    ['down', ['delivery'], [], 'sum'],
    ['down', ['survivors'], [], 'sum'],
    ['down', ['confirmations'], ['confirmations.few'], 'sum'],
    ['down', ['outcome'], [], 'sum'],
  ];
  it.each(second)(
    'without the tag, %s %j: refused as %j or without effect on the sum (%s)',
    async (direction, names, expected, effect) => {
      off.tag = true;
      const [world, outcome] = await replay(direction, names);
      expect(codes(outcome)).toEqual(expected);
      expect(rightOrAborted(world, outcome)).toBe(true);
      if (effect.includes('.')) expect(codeOf(outcome.aborted)).toBe(effect);
      else expect(outcome.aborted).toBeUndefined();
      if (outcome.result !== undefined)
        expect(outcome.result.cheaters).toEqual(effect === 'cheater' ? ['client 2'] : []);
    },
  );

  it("control: without tag and codes, yesterday's input is added to today's sum, which is noise", async () => {
    off.tag = true;
    off.macs = true;
    const [world, outcome] = await replay('up', ['input', 'inputEnd']);
    expect(codes(outcome)).toEqual([]);
    expect(sumOf(outcome)).not.toEqual(plainSum(world, outcome.result?.survivors ?? []));
  });

  it("control: without tag and signatures, yesterday's keys are taken into today's roster", async () => {
    off.tag = true;
    off.signatures = true;
    const [, outcome] = await replay('up', ['advertise']);
    expect(codes(outcome)).toEqual(['roster.self']);
    expect(outcome.aborted ?? outcome.result?.roster).toEqual(expect.arrayContaining(['client 2']));
  });
});
