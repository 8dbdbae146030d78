/** Every pair of state and event, on real sessions: what the table allows happens, and nothing else does. */
import { describe, expect, test } from 'vitest';
import { AbortError, PeerError, UsageError } from '../../src/core/errors.js';
import { tagLength } from '../../src/secagg/context.js';
import { type MessageName, messageName } from '../../src/secagg/messages/envelope.js';
import { encodeOutcome } from '../../src/secagg/messages/outcome.js';
import type { ServerSession } from '../../src/secagg/server/session.js';
import {
  type ClientEvent,
  type ClientState,
  clientTransition,
  type ServerEvent,
  type ServerState,
  serverTransition,
  transitions,
} from '../../src/secagg/transitions.js';
import { codeOf, makeWorld, plainSum, play, type Seat, type World } from '../support/session.js';

const clientStates: readonly ClientState[] = [
  'new',
  'advertised',
  'shared',
  'ready',
  'submitted',
  'confirmed',
  'revealed',
  'finished',
  'aborted',
];
/** What leads from each state to the next. */
const way: readonly ClientEvent[] = ['start', 'roster', 'delivery', 'submit', 'survivors', 'confirmations', 'outcome'];
const clientEvents: readonly ClientEvent[] = [...way, 'abort'];

const serverStates: readonly ServerState[] = ['advertise', 'share', 'input', 'confirm', 'unmask', 'done', 'aborted'];
const serverEvents: readonly ServerEvent[] = [
  'advertise',
  'share',
  'input',
  'inputEnd',
  'confirm',
  'unmask',
  'abort',
  'close',
];

const peers = ['client 0', 'client 1', 'client 2', 'client 3', 'client 4'];

const newWorld = (): Promise<World> =>
  makeWorld({ n: peers.length, seed: 'transitions', context: { maxClients: peers.length } });

/** All messages of a session without incident. The same seed makes the same ones, so they fit any new world. */
interface Recording {
  readonly up: ReadonlyMap<string, readonly Uint8Array[]>;
  readonly down: ReadonlyMap<MessageName, Uint8Array>;
}

async function record(): Promise<Recording> {
  const up = new Map<string, Uint8Array[]>();
  const down = new Map<MessageName, Uint8Array>();
  const world = await newWorld();
  await play(world, {
    up: (message, { peer }) => {
      up.set(peer, [...(up.get(peer) ?? []), message]);
      return message;
    },
    down: (message, { peer, name }) => {
      if (peer === peers[0]) down.set(name, message);
      return message;
    },
  });
  down.set('abort', world.server.refusal(new AbortError('session.cancelled', 'a test')));
  const [seat] = (await newWorld()).seats;
  const abort = seat?.client.abort();
  if (abort !== undefined) up.set(peers[0] ?? '', [...(up.get(peers[0] ?? '') ?? []), abort]);
  return { up, down };
}

const recording = await record();

function fromServer(name: ClientEvent): Uint8Array {
  const message = recording.down.get(name as MessageName);
  if (message === undefined) throw new Error(`no ${name} was recorded`);
  return message;
}

function fromClient(peer: string, name: MessageName): Uint8Array {
  const message = recording.up.get(peer)?.find((sent) => messageName(sent) === name);
  if (message === undefined) throw new Error(`no ${name} of ${peer} was recorded`);
  return message;
}

/** A client that hasn't sent its input isn't in the sum. */
function outcomeFor(state: ClientState): Uint8Array {
  const tag = fromServer('outcome').subarray(1, 1 + tagLength);
  const survived = ['submitted', 'confirmed', 'revealed'].includes(state);
  return encodeOutcome(tag, { survived, survivors: peers.length });
}

describe('client', () => {
  /** Makes an event happen and gives the names of the messages it led to. */
  async function happen({ client, input }: Seat, event: ClientEvent, message?: Uint8Array): Promise<MessageName[]> {
    if (event === 'start') return [messageName(await client.start())];
    if (event === 'submit') return [...(await client.submit(input))].map(messageName);
    const step = await client.receive(message ?? (event === 'outcome' ? outcomeFor(client.state) : fromServer(event)));
    return step.kind === 'send' ? [messageName(step.message)] : [];
  }

  async function clientIn(state: ClientState): Promise<Seat> {
    const [seat] = (await newWorld()).seats;
    if (seat === undefined) throw new Error('a world without seats');
    if (state === 'aborted') seat.client.abort();
    for (const event of way) if (seat.client.state !== state && state !== 'aborted') await happen(seat, event);
    expect(seat.client.state).toBe(state);
    return seat;
  }

  const pairs = clientStates.flatMap((state) => clientEvents.map((event) => ({ state, event })));

  test.each(pairs)('$event in $state', async ({ state, event }) => {
    const seat = await clientIn(state);
    const transition = transitions.client.find((row) => row.state === state && row.event === event);
    if (transition !== undefined) {
      expect(await happen(seat, event)).toEqual(transition.sends ?? []);
      expect(seat.client.state).toBe(transition.next);
      return;
    }
    const error = await happen(seat, event).then(
      () => undefined,
      (refusal: unknown) => refusal,
    );
    if (event === 'start' || event === 'submit') {
      expect(error).toBeInstanceOf(UsageError);
      expect(codeOf(error)).toBe('usage.order');
      expect(seat.client.state).toBe(state);
    } else {
      expect(error).toBeInstanceOf(PeerError);
      expect(codeOf(error)).toBe('order.unexpected');
      // A server that breaks the order is not to be trusted with the rest.
      expect(seat.client.state).toBe(state === 'finished' ? 'finished' : 'aborted');
    }
  });

  const doubtful = transitions.client.filter(({ event, otherwise }) => otherwise !== undefined && event !== 'submit');

  test.each(doubtful)('a bad $event in $state leads to $otherwise', async ({ state, event, otherwise }) => {
    const seat = await clientIn(state);
    const good = fromServer(event);
    await expect(happen(seat, event, good.subarray(0, good.length - 1))).rejects.toBeInstanceOf(PeerError);
    expect(seat.client.state).toBe(otherwise);
  });

  test.each(['advertised', 'shared', 'ready'] as const)(
    'an input that was never sent is not in the sum: %s',
    async (state) => {
      const seat = await clientIn(state);
      const error = await happen(seat, 'outcome', fromServer('outcome')).catch((refusal: unknown) => refusal);
      expect(codeOf(error)).toBe('outcome.survived');
      expect(seat.client.state).toBe('aborted');
    },
  );

  test.each(clientStates)('nothing that is for clients to send is taken in %s', async (state) => {
    for (const name of ['advertise', 'share', 'input', 'inputEnd', 'confirm', 'unmask'] as const) {
      const seat = await clientIn(state);
      const error = await seat.client.receive(fromClient('client 1', name)).catch((refusal: unknown) => refusal);
      expect(codeOf(error), name).toBe('order.unexpected');
    }
  });

  test('after a refused application event the session goes on to its end', async () => {
    const seat = await clientIn('new');
    for (const event of way) {
      for (const wrong of ['start', 'submit'] as const)
        if (wrong !== event) await expect(happen(seat, wrong)).rejects.toBeInstanceOf(UsageError);
      await happen(seat, event);
    }
    expect(seat.client.state).toBe('finished');
  });
});

describe('server', () => {
  const ofPhase: { readonly [state in ServerState]?: readonly MessageName[] } = {
    advertise: ['advertise'],
    share: ['share'],
    input: ['input', 'inputEnd'],
    confirm: ['confirm'],
    unmask: ['unmask'],
  };

  async function answer(server: ServerSession, who: readonly string[]): Promise<void> {
    for (const peer of who)
      for (const name of ofPhase[server.state] ?? []) await server.receive(peer, fromClient(peer, name));
  }

  /** A server in a state, where everybody but client 0 has answered. */
  async function serverIn(state: ServerState): Promise<World> {
    const world = await newWorld();
    const { server } = world;
    if (state === 'aborted') await server.abort();
    while (server.state !== state) {
      await answer(server, peers);
      await server.close();
    }
    await answer(server, peers.slice(1));
    return world;
  }

  async function happen(server: ServerSession, event: ServerEvent): Promise<readonly MessageName[]> {
    if (event === 'close') return [...(await server.close())].map(({ message }) => messageName(message));
    expect(await server.receive('client 0', fromClient('client 0', event))).toBe('taken');
    return [];
  }

  async function expectSum(world: World, who: readonly string[]): Promise<void> {
    const { server } = world;
    while (server.state !== 'done') {
      if (server.missing > 0) await answer(server, who);
      await server.close();
    }
    expect([...(server.result?.sum.lanes ?? [])]).toEqual(plainSum(world, who));
  }

  const pairs = serverStates.flatMap((state) => serverEvents.map((event) => ({ state, event })));

  test.each(pairs)('$event in $state', async ({ state, event }) => {
    const world = await serverIn(state);
    const { server } = world;
    const before = server.missing;
    const transition = transitions.server.find((row) => row.state === state && row.event === event);
    if (transition !== undefined) {
      if (event === 'inputEnd') await happen(server, 'input');
      const sent = await happen(server, event);
      expect(new Set(sent)).toEqual(new Set(transition.sends ?? []));
      expect(server.state).toBe(transition.next);
      return;
    }
    const error = await happen(server, event).then(
      () => undefined,
      (refusal: unknown) => refusal,
    );
    expect(error).toBeInstanceOf(event === 'close' ? UsageError : PeerError);
    expect(codeOf(error)).toBe(event === 'close' ? 'usage.order' : 'order.unexpected');
    expect(server.state).toBe(state);
    expect(server.missing).toBe(before);
    if (state === 'aborted') return;
    // Nothing has changed: client 0 can still answer, and the sum is everybody's.
    if (state !== 'done') await answer(server, ['client 0']);
    await expectSum(world, peers);
  });

  const doubtful = transitions.server.filter(({ otherwise }) => otherwise !== undefined);

  test.each(doubtful)('closing $state with too few answers leads to $otherwise', async ({ state, otherwise }) => {
    const { server } = await newWorld();
    while (server.state !== state) {
      await answer(server, peers);
      await server.close();
    }
    await answer(server, peers.slice(0, 1));
    await expect(server.close()).rejects.toBeInstanceOf(AbortError);
    expect(server.state).toBe(otherwise);
    expect(server.missing).toBe(0);
    expect(server.result).toBeUndefined();
  });

  test.each(serverStates)('nothing that is for servers to send is taken in %s', async (state) => {
    const { server } = await serverIn(state);
    for (const name of ['roster', 'delivery', 'survivors', 'confirmations', 'outcome'] as const) {
      const error = await server.receive('client 0', fromServer(name)).catch((refusal: unknown) => refusal);
      expect(codeOf(error), name).toBe('order.unexpected');
    }
    for (const junk of [new Uint8Array(), Uint8Array.of(0), Uint8Array.of(200, 1, 2)]) {
      const error = await server.receive('client 0', junk).catch((refusal: unknown) => refusal);
      expect(codeOf(error)).toBe('codec.type');
    }
    expect(server.state).toBe(state);
  });

  test.each(['share', 'input', 'confirm', 'unmask'] as const)(
    'what a stranger sends in %s changes nothing',
    async (state) => {
      const world = await serverIn(state);
      for (const name of ofPhase[state] ?? []) {
        const error = await world.server.receive('somebody', fromClient('client 0', name)).catch((refusal) => refusal);
        expect(codeOf(error)).toBe('order.stranger');
      }
      await answer(world.server, ['client 0']);
      await expectSum(world, peers);
    },
  );

  test.each(['advertise', 'share', 'confirm', 'unmask'] as const)('a second answer in %s is refused', async (state) => {
    const world = await serverIn(state);
    for (const name of ofPhase[state] ?? []) {
      const error = await world.server.receive('client 1', fromClient('client 1', name)).catch((refusal) => refusal);
      expect(codeOf(error)).toBe('order.repeated');
    }
    await answer(world.server, ['client 0']);
    await expectSum(world, peers);
  });
});

describe('the table', () => {
  test('has no row twice, and the lookup functions agree with it', () => {
    for (const state of clientStates)
      for (const event of clientEvents) {
        const rows = transitions.client.filter((row) => row.state === state && row.event === event);
        expect(rows.length).toBeLessThanOrEqual(1);
        if (rows[0] === undefined) expect(() => clientTransition(state, event)).toThrow();
        else expect(clientTransition(state, event)).toBe(rows[0]);
      }
    for (const state of serverStates)
      for (const event of serverEvents) {
        const rows = transitions.server.filter((row) => row.state === state && row.event === event);
        expect(rows.length).toBeLessThanOrEqual(1);
        if (rows[0] === undefined) expect(() => serverTransition(state, event)).toThrow();
        else expect(serverTransition(state, event)).toBe(rows[0]);
      }
  });

  test('every state but the ends is left by something, and every state is reached', () => {
    const ends = new Set<string>(['finished', 'done', 'aborted']);
    for (const state of clientStates)
      expect(
        transitions.client.some((row) => row.state === state),
        state,
      ).toBe(!ends.has(state));
    for (const state of serverStates)
      expect(
        transitions.server.some((row) => row.state === state),
        state,
      ).toBe(!ends.has(state));
    for (const state of clientStates.slice(1)) expect(transitions.client.some(({ next }) => next === state)).toBe(true);
  });
});
