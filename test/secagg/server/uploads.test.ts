import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeInput, encodeInput, type InputChunk } from '../../../src/secagg/messages/input.js';
import { ServerSession } from '../../../src/secagg/server/session.js';
import { Uploads } from '../../../src/secagg/server/uploads.js';
import {
  codeOf,
  codes,
  complete,
  type Hand,
  makeWorld,
  now,
  plainSum,
  play,
  sumOf,
  type World,
} from '../../support/session.js';

const chunk = (offset: number, ...data: readonly number[]): InputChunk => ({ offset, data: Uint8Array.from(data) });

const faultOf = (action: () => unknown): string => {
  try {
    action();
    return 'none';
  } catch (error) {
    return codeOf(error);
  }
};

describe('Uploads', () => {
  test('takes chunks in order, whatever their sizes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 200 }), fc.array(fc.nat(200)), (bytes, cuts) => {
        const uploads = new Uploads(bytes.length, 0);
        const ends = [...new Set([...cuts.map((cut) => cut % bytes.length), bytes.length])].sort((a, b) => a - b);
        let start = 0;
        for (const end of ends.filter((place) => place > 0)) {
          uploads.add(7, { offset: start, data: bytes.subarray(start, end) });
          start = end;
        }
        expect(uploads.whole(7)).toEqual(bytes);
      }),
      { seed: 1, numRuns: 100 },
    );
  });

  test.each([
    ['a gap', [chunk(0, 1), chunk(2, 3)], 'input.order'],
    ['a repeat', [chunk(0, 1), chunk(0, 1)], 'input.order'],
    ['a late start', [chunk(1, 1)], 'input.order'],
    ['an empty chunk', [chunk(0)], 'input.length'],
    ['too much at once', [chunk(0, 1, 2, 3, 4, 5)], 'input.length'],
    ['too much in the end', [chunk(0, 1, 2, 3), chunk(3, 4, 5)], 'input.length'],
  ] as const)('refuses %s, and the upload goes on', (_, chunks, code) => {
    const uploads = new Uploads(4, 100);
    const bad = chunks.at(-1) ?? chunk(0);
    for (const good of chunks.slice(0, -1)) uploads.add(0, good);
    const filled = chunks.slice(0, -1).reduce((sum, { data }) => sum + data.length, 0);
    expect(faultOf(() => uploads.add(0, bad))).toBe(code);
    if (filled < 4) uploads.add(0, { offset: filled, data: new Uint8Array(4 - filled).fill(9) });
    expect(uploads.whole(0).length).toBe(4);
  });

  test('what isn’t whole can’t be had', () => {
    const uploads = new Uploads(4, 100);
    expect(faultOf(() => uploads.whole(0))).toBe('input.length');
    uploads.add(0, chunk(0, 1, 2, 3));
    expect(faultOf(() => uploads.whole(0))).toBe('input.length');
  });

  test('holds no more than its budget, but always one', () => {
    for (const [budget, most] of [
      [0, 1],
      [9, 1],
      [10, 1],
      [39, 3],
      [40, 4],
    ] as const) {
      const uploads = new Uploads(10, budget);
      for (let i = 0; i < most; i += 1) {
        expect(uploads.admits(i)).toBe(true);
        uploads.add(i, chunk(0, i));
      }
      expect(uploads.admits(most), `budget ${budget}`).toBe(false);
      expect(uploads.admits(0)).toBe(true);
      uploads.end(0);
      expect(uploads.admits(most)).toBe(true);
    }
  });

  test('room that is used again has nothing of the upload before', () => {
    const uploads = new Uploads(3, 3);
    uploads.add(0, chunk(0, 1, 2, 3));
    const room = uploads.whole(0);
    uploads.end(0);
    uploads.end(0);
    uploads.add(1, chunk(0, 9));
    expect(faultOf(() => uploads.whole(1))).toBe('input.length');
    uploads.add(1, chunk(1, 8, 7));
    expect(uploads.whole(1)).toEqual(Uint8Array.of(9, 8, 7));
    expect(uploads.whole(1)).toBe(room);
  });
});

/** Three whole chunks of 64 KiB and a bit, so that there is something to break off. */
const large = {
  context: { vectorLength: 100_000, ringBits: 16 },
  inputs: (client: number) => Array.from({ length: 100_000 }, (_, i) => (client * 12_345 + 7 * i) % 2 ** 16),
};

describe('uploads of a session', () => {
  const world = (): Promise<World> => makeWorld({ n: 5, seed: 'uploads', ...large });

  test('one that breaks off in the middle leaves no trace in the sum', async () => {
    const session = await world();
    let chunks = 0;
    const outcome = await play(session, {
      up: (message, { peer, name }) => {
        if (peer !== 'client 3' || (name !== 'input' && name !== 'inputEnd')) return message;
        chunks += 1;
        return chunks <= 2 ? message : undefined;
      },
    });
    expect(outcome.result?.dropouts.input).toEqual(['client 3']);
    expect(sumOf(outcome)).toEqual(plainSum(session, ['client 0', 'client 1', 'client 2', 'client 4']));
  });

  test.each([
    ['a chunk out of order', (messages: Uint8Array[]) => [messages[1]], 'input.order'],
    ['a chunk left out', (messages: Uint8Array[]) => [messages[0], messages[2]], 'input.order'],
    ['a chunk twice', (messages: Uint8Array[]) => [messages[0], messages[0]], 'input.order'],
    ['the end too early', (messages: Uint8Array[]) => [messages[0], messages.at(-1)], 'input.length'],
    ['the end alone', (messages: Uint8Array[]) => [messages.at(-1)], 'input.length'],
    [
      'bytes beyond the end',
      (messages: Uint8Array[]) => [...messages.slice(0, -1), further(messages[0])],
      'input.length',
    ],
    ['bytes of another', (messages: Uint8Array[]) => [other(messages[0]), ...messages.slice(1)], 'input.mac'],
  ] as const)('%s is refused; the same client can start anew, and the sum is right', async (_, spoil, code) => {
    const session = await world();
    const { server, seats } = session;
    const { hand, faults } = spoiled(session, spoil, code);
    const outcome = await play(session, { up: hand });
    expect((await Promise.all(faults)).filter((fault) => fault !== 'none')).toEqual([code]);
    expect((await Promise.all(faults)).at(-1)).toBe(code);
    expect(outcome.refusals).toEqual([]);
    expect(sumOf(outcome)).toEqual(
      plainSum(
        session,
        seats.map(({ peer }) => peer),
      ),
    );
    expect(server.state).toBe('done');
  });

  /**
   * At the end of client 2's upload, gives the server the spoiled messages first, then what is left of the right ones.
   */
  function spoiled(
    { server }: World,
    spoil: (messages: Uint8Array[]) => readonly (Uint8Array | undefined)[],
    code: string,
  ): { readonly hand: Hand; readonly faults: readonly Promise<string>[] } {
    const kept: Uint8Array[] = [];
    const faults: Promise<string>[] = [];
    const hand: Hand = (message, { peer, name }) => {
      if (peer !== 'client 2' || (name !== 'input' && name !== 'inputEnd')) return message;
      kept.push(message);
      if (name === 'input') return [];
      const bad = spoil(kept).filter((item) => item !== undefined);
      for (const item of bad)
        faults.push(
          server.receive(peer, item).then(
            () => 'none',
            (error: unknown) => codeOf(error),
          ),
        );
      // Where the upload had begun, it goes on; after a wrong code it starts anew.
      const begun = new Set(bad.slice(0, -1));
      return code === 'input.mac' ? kept : kept.filter((item) => !begun.has(item));
    };
    return { hand, faults };
  }

  function further(message: Uint8Array | undefined): Uint8Array | undefined {
    return message && encodeInput(message.subarray(1, 17), { offset: 200_000, data: Uint8Array.of(1) });
  }

  function other(message: Uint8Array | undefined): Uint8Array | undefined {
    if (message === undefined) return undefined;
    const tag = message.subarray(1, 17);
    const { offset, data } = decodeInput(tag, message);
    return encodeInput(tag, { offset, data: data.map((byte) => byte ^ 1) });
  }

  test('beyond the budget a message is deferred, changes nothing, and is taken when another upload has ended', async () => {
    const session = await makeWorld({ n: 5, seed: 'budget', ...large });
    const { context, privateKey, provider, seats } = session;
    const uploadBudget = 2 * 200_000;
    const server = new ServerSession({
      context,
      privateKey,
      parameters: complete(3),
      time: now,
      provider,
      uploadBudget,
    });
    for (const { peer, client } of seats) await server.receive(peer, await client.start());
    const uploads = new Map<string, Uint8Array[]>();
    for (const { to, message } of await server.close()) {
      const step = await seats.find(({ peer }) => peer === to)?.client.receive(message);
      if (step?.kind === 'send') await server.receive(to, step.message);
    }
    for (const { to, message } of await server.close()) {
      const seat = seats.find(({ peer }) => peer === to);
      await seat?.client.receive(message);
      if (seat !== undefined) uploads.set(to, [...(await seat.client.submit(seat.input))]);
    }
    const [first, second, third] = [...uploads.keys()];
    if (first === undefined || second === undefined || third === undefined) throw new Error('too few clients');
    const give = (peer: string, i: number): Promise<string> =>
      server.receive(peer, uploads.get(peer)?.[i] ?? new Uint8Array());
    expect(await give(first, 0)).toBe('taken');
    expect(await give(second, 0)).toBe('taken');
    const before = server.missing;
    for (let i = 0; i < 3; i += 1) expect(await give(third, 0)).toBe('deferred');
    expect(server.missing).toBe(before);
    expect(await give(first, 1)).toBe('taken');
    // One leaves in the middle: its room is free.
    await server.leave(second);
    expect(await give(third, 0)).toBe('taken');
    for (const [peer, messages] of uploads)
      for (const [i, message] of messages.entries()) {
        const done = peer === first ? 2 : peer === third ? 1 : 0;
        if (peer !== second && i >= done) expect(await server.receive(peer, message)).toBe('taken');
      }
    expect(server.missing).toBe(0);
    const left = seats.filter(({ peer }) => peer !== second);
    while (server.state !== 'done')
      for (const { to, message } of await server.close()) {
        const step = await left.find(({ peer }) => peer === to)?.client.receive(message);
        if (step?.kind === 'send') await server.receive(to, step.message);
      }
    expect([...(server.result?.sum.lanes ?? [])]).toEqual(
      plainSum(
        session,
        left.map(({ peer }) => peer),
      ),
    );
  });

  test('a chunk of another session is refused', async () => {
    const session = await world();
    const outcome = await play(session, {
      up: (message, { peer, name }) => {
        if (peer !== 'client 0' || name !== 'input') return message;
        const foreign = message.slice();
        foreign[1] = (foreign[1] ?? 0) ^ 1;
        return foreign;
      },
    });
    expect(codes(outcome)).toEqual(['session.mismatch']);
    expect(sumOf(outcome)).toEqual(plainSum(session, ['client 1', 'client 2', 'client 3', 'client 4']));
  });
});
