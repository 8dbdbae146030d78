/** Attacks by messages out of turn: twice, early, late, by strangers, of no kind. */
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { MessageName } from '../../src/secagg/messages/envelope.js';
import { codeOf, codes, type Hand, play, type Seat } from '../support/session.js';
import { five, only, right } from '../support/uploads.js';

const off = vi.hoisted(() => ({ once: false, macs: false }));

vi.mock('../../src/secagg/server/members.js', async (original) => {
  const real = await original<typeof import('../../src/secagg/server/members.js')>();
  return {
    ...real,
    Answers: class<T> extends real.Answers<T> {
      override expect(...[roster, peer]: Parameters<typeof real.memberOf>) {
        return off.once ? real.memberOf(roster, peer) : super.expect(roster, peer);
      }
    },
  };
});

vi.mock('../../src/secagg/input-mac.js', async (original) => {
  const real = await original<typeof import('../../src/secagg/input-mac.js')>();
  return {
    ...real,
    inputMacFits: (...all: Parameters<typeof real.inputMacFits>) => off.macs || real.inputMacFits(...all),
  };
});

beforeEach(() => {
  for (const name of Object.keys(off) as (keyof typeof off)[]) off[name] = false;
});

describe('messages out of turn', () => {
  const all: readonly MessageName[] = ['advertise', 'share', 'input', 'inputEnd', 'confirm', 'unmask'];

  /** Keeps one client's messages by their names. */
  const recorded =
    (peer: string, record: Map<MessageName, Uint8Array>): Hand =>
    (message, at) => {
      if (at.peer === peer) record.set(at.name, message);
      return message;
    };

  it.each(all)('%s sent twice: the second is refused', async (name) => {
    const world = await five();
    const outcome = await play(world, { up: only('client 1', name, (message) => [message, message]) });
    const code = name === 'input' ? 'input.order' : 'order.repeated';
    expect(codes(outcome)).toEqual([code]);
    expect(right(world, outcome)).toBe(true);
    // Whoever repeats a message that was taken has been counted, once.
    expect(outcome.result?.survivors).toHaveLength(
      name === 'advertise' || name === 'share' || name === 'input' ? 4 : 5,
    );
  });

  it('control: where a message may come twice, an input counts twice and the sum is wrong', async () => {
    off.once = true;
    off.macs = true; // the key is wiped once an upload is in
    const world = await five();
    let chunk = new Uint8Array();
    const up: Hand = (message, { peer, name }) => {
      if (peer !== 'client 1') return message;
      if (name === 'input') chunk = new Uint8Array(message);
      return name === 'inputEnd' ? [message, chunk, message] : message;
    };
    const outcome = await play(world, { up });
    expect(codes(outcome)).toEqual([]);
    expect(right(world, outcome)).toBe(false);
  });

  it('early and late: refused in every phase that is not its own, without effect', async () => {
    // Each client's messages are collected in one session and offered in all phases of a second one with the same keys.
    const record = new Map<MessageName, Uint8Array>();
    await play(await five(), { up: recorded('client 1', record) });
    for (const name of all) {
      const message = record.get(name) as Uint8Array;
      const world = await five();
      const refused: string[] = [];
      const close = world.server.close.bind(world.server);
      world.server.close = async () => {
        const phase = world.server.state;
        if ((phase === 'input' ? ['input', 'inputEnd'] : [phase]).includes(name) === false)
          refused.push(await world.server.receive('client 1', message).then(() => `taken in ${phase}`, codeOf));
        return close();
      };
      const outcome = await play(world);
      expect(refused).toEqual(Array(4).fill('order.unexpected'));
      expect(await world.server.receive('client 1', message).then(() => 'taken', codeOf)).toBe('order.unexpected');
      expect(right(world, outcome)).toBe(true);
      expect(outcome.result?.survivors).toHaveLength(5);
    }
  });

  it('of a stranger, or of one who dropped out: refused', async () => {
    const world = await five();
    const record = new Map<MessageName, Uint8Array>();
    await play(await five(), { up: recorded('client 1', record) });
    const refused: string[] = [];
    const close = world.server.close.bind(world.server);
    const offer = async (peer: string, name: MessageName): Promise<void> => {
      refused.push(await world.server.receive(peer, record.get(name) as Uint8Array).then(() => 'taken', codeOf));
    };
    world.server.close = async () => {
      const { state } = world.server;
      if (state === 'share') await offer('stranger', 'share');
      if (state === 'input' || state === 'confirm' || state === 'unmask')
        for (const peer of ['stranger', 'client 1']) await offer(peer, state === 'input' ? 'inputEnd' : state);
      return close();
    };
    const outcome = await play(world, { up: only('client 1', 'share', () => undefined) });
    expect(refused).toEqual(Array(7).fill('order.stranger'));
    expect(outcome.result?.dropouts.share).toEqual(['client 1']);
    expect(right(world, outcome)).toBe(true);
  });

  it("of the server's own kinds, of no kind or empty: refused", async () => {
    const { server, contextHash: hash } = await five();
    const codesOf: string[] = [];
    for (let type = 0; type < 256; type += 1) {
      const message = new Uint8Array(40);
      message.set(hash.subarray(0, 16), 1);
      message[0] = type;
      codesOf.push(await server.receive('x', message).then(() => 'taken', codeOf));
    }
    codesOf.push(await server.receive('x', new Uint8Array()).then(() => 'taken', codeOf));
    expect(new Set(codesOf)).toEqual(new Set(['codec.type', 'order.unexpected', 'codec.malformed']));
    for (const bad of [undefined, null, 'text', 7, [1, 2], new ArrayBuffer(3)])
      expect(() => server.receive('x', bad as never)).toThrow(expect.objectContaining({ code: 'usage.bytes' }));
  });

  it('clients refuse what clients send, what comes too early, and what comes after the end', async () => {
    const record = new Map<string, Uint8Array>();
    const watch =
      (way: string): Hand =>
      (message, { peer, name }) => {
        if (peer === 'client 1') record.set(`${way} ${name}`, message);
        return message;
      };
    await play(await five(), { up: watch('up'), down: watch('down') });
    for (const [name, message] of record) {
      if (name === 'down roster' || name === 'down outcome') continue;
      const { seats } = await five();
      const { client } = seats[1] as Seat;
      await client.start();
      expect(await client.receive(message).then(() => 'taken', codeOf)).toBe('order.unexpected');
      expect(client.state).toBe('aborted');
      expect(await client.receive(message).then(() => 'taken', codeOf)).toBe('order.unexpected');
    }
  });
});
