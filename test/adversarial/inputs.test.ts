/** Attacks by clients on the sum: uploads of a wrong shape. */
import fc from 'fast-check';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { equalBytes } from '../../src/core/bytes.js';
import { nodeProvider } from '../../src/crypto/provider/provider.node.js';
import { pack, packedLength, unpack } from '../../src/ring/pack.js';
import { plainVector } from '../../src/ring/vector.js';
import { frozenHash } from '../../src/secagg/context.js';
import { inputKeys, inputMac } from '../../src/secagg/input-mac.js';
import { decodeInput, encodeInput, type InputChunk } from '../../src/secagg/messages/input.js';
import { encodeInputEnd } from '../../src/secagg/messages/input-end.js';
import { decodeRoster, type RosterEntry, type RosterMessage } from '../../src/secagg/messages/roster.js';
import {
  codeOf,
  codes,
  complete,
  makeSeat,
  makeWorld,
  type Outcome,
  play,
  type Seat,
  sumOf,
  tagOf,
  type World,
} from '../support/session.js';
import { five, only, right } from '../support/uploads.js';

const off = vi.hoisted(() => ({ length: false, padding: false, macs: false }));

vi.mock('../../src/secagg/server/uploads.js', async (original) => {
  const real = await original<typeof import('../../src/secagg/server/uploads.js')>();
  return {
    /** Takes whatever came for the whole, as one buffer that is used again and again. */
    Uploads: class extends real.Uploads {
      readonly #room: Uint8Array;

      constructor(length: number, budget: number) {
        super(length, budget);
        this.#room = new Uint8Array(length).fill(0x55);
      }

      override add(index: number, chunk: InputChunk): void {
        if (off.length) this.#room.set(chunk.data.subarray(0, this.#room.length), 0);
        else super.add(index, chunk);
      }

      override whole(index: number): Uint8Array {
        return off.length ? this.#room.slice() : super.whole(index);
      }
    },
  };
});

vi.mock('../../src/ring/pack.js', async (original) => {
  const real = await original<typeof import('../../src/ring/pack.js')>();
  return {
    ...real,
    addPacked: (...[accumulator, packed]: Parameters<typeof real.addPacked>) => {
      if (!off.padding) return real.addPacked(accumulator, packed);
      const used = (accumulator.bits * accumulator.lanes.length) % 8;
      const last = packed.length - 1;
      return real.addPacked(
        accumulator,
        packed.map((byte, i) => (i === last && used !== 0 ? byte & ((1 << used) - 1) : byte)),
      );
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

describe('uploads of a wrong length', () => {
  const edits: readonly (readonly [string, (tag: Uint8Array, chunk: InputChunk) => readonly Uint8Array[], string])[] = [
    ['too short', (tag, { data }) => [encodeInput(tag, { offset: 0, data: data.subarray(1) })], 'input.length'],
    [
      'too long',
      (tag, { data }) => [encodeInput(tag, { offset: 0, data: new Uint8Array(data.length + 1) })],
      'input.length',
    ],
    ['far too long', (tag) => [encodeInput(tag, { offset: 0, data: new Uint8Array(65_536) })], 'input.length'],
    ['empty chunk', (tag) => [encodeInput(tag, { offset: 0, data: new Uint8Array() })], 'input.length'],
    ['nothing', () => [], 'input.length'],
    ['gap', (tag, { data }) => [encodeInput(tag, { offset: 1, data })], 'input.order'],
    ['far gap', (tag, { data }) => [encodeInput(tag, { offset: 0xffffffff, data })], 'input.order'],
    ['chunk twice', (tag, chunk) => [encodeInput(tag, chunk), encodeInput(tag, chunk)], 'input.order'],
    [
      'more than the whole, in order',
      (tag, { data }) => [encodeInput(tag, { offset: 0, data }), encodeInput(tag, { offset: data.length, data })],
      'input.length',
    ],
  ];
  it.each(edits)('%s: refused, and the others make the sum', async (_name, edit, code) => {
    const world = await five();
    const hand = only('client 1', 'input', (message) => edit(tagOf(world), decodeInput(tagOf(world), message)));
    const outcome = await play(world, { up: hand });
    expect(codes(outcome)).toEqual([code]);
    expect(right(world, outcome)).toBe(true);
    expect(outcome.result?.survivors).toHaveLength(4);
  });

  it('control: where what came is taken for the whole, a short upload makes the sum wrong', async () => {
    off.length = true;
    off.macs = true;
    const world = await five();
    const tag = tagOf(world);
    const short = only('client 1', 'input', (message) =>
      encodeInput(tag, { offset: 0, data: decodeInput(tag, message).data.subarray(0, 3) }),
    );
    expect(right(await five(), await play(await five()))).toBe(true);
    const outcome = await play(world, { up: short });
    expect(outcome.aborted).toBeUndefined();
    expect(right(world, outcome)).toBe(false);
  });

  it("a vector of another length or ring is the caller's mistake: the session goes on and takes the right one", async () => {
    const world = await five();
    const seat = world.seats[0] as Seat;
    const submit = seat.client.submit.bind(seat.client);
    const tried: string[] = [];
    seat.client.submit = async (input) => {
      for (const bad of [
        plainVector(16, [1, 2, 3]),
        plainVector(16, [1, 2, 3, 4, 5]),
        plainVector(15, [1, 2, 3, 4]),
        plainVector(16, []),
      ])
        tried.push(await submit(bad).then(() => 'taken', codeOf));
      for (const bad of [
        undefined,
        null,
        1,
        'x',
        [1, 2, 3, 4],
        { bits: 16 },
        { bits: 16, lanes: new Uint8Array(4) },
        { bits: 0.5, lanes: new Uint8Array(4) },
      ])
        tried.push(await submit(bad as never).then(() => 'taken', codeOf));
      return submit(input);
    };
    const outcome = await play(world);
    expect(tried.slice(0, 4)).toEqual(Array(4).fill('input.shape'));
    expect(tried.slice(4).every((code) => code.startsWith('usage.'))).toBe(true);
    expect(right(world, outcome)).toBe(true);
    expect(outcome.result?.survivors).toHaveLength(5);
  });

  it("masking leaves the caller's vector as it was, also where its lanes are a Node Buffer", async () => {
    const world = await five({ context: { ringBits: 8, vectorLength: 4 } });
    const lanes = Buffer.from([1, 2, 3, 4]);
    const seats = world.seats.map((seat) => ({ ...seat, input: { bits: 8, lanes } as unknown as Seat['input'] }));
    const outcome = await play({ ...world, seats });
    expect([...lanes]).toEqual([1, 2, 3, 4]);
    expect(sumOf(outcome)).toEqual([5, 10, 15, 20]);
  });
});

/**
 * A session in which one client uploads any packed bytes, with the right code: what a client that can program may send.
 */
async function playUpload(world: World, peer: string, change: (packed: Uint8Array) => Uint8Array): Promise<Outcome> {
  const tag = tagOf(world);
  const { client, identity, secrets } = world.seats.find((one) => one.peer === peer) as Seat;
  let roster: RosterMessage | undefined;
  const submit = client.submit.bind(client);
  client.submit = async (input) => {
    const [message = new Uint8Array()] = await submit(input);
    if (roster === undefined) throw new Error('no roster');
    const { entries, parameters, root } = roster;
    const isOwn = ({ advertisement }: RosterEntry): boolean =>
      equalBytes(advertisement.certificate.identityKey, identity.certificate.identityKey);
    const packed = new Uint8Array(change(decodeInput(tag, message).data));
    const [key = new Uint8Array()] = await inputKeys(nodeProvider, secrets.channelPrivateKey, [
      {
        publicKey: world.context.serverKey,
        frozenHash: frozenHash(world.contextHash, root, parameters),
        index: entries.find(isOwn)?.index ?? -1,
        maskedWith: entries.filter((entry) => !isOwn(entry)).map(({ index }) => index),
      },
    ]);
    const mac = inputMac(nodeProvider, key, packed);
    return [encodeInput(tag, { offset: 0, data: packed }), encodeInputEnd(tag, mac)];
  };
  const down = only(peer, 'roster', (message) => {
    roster = decodeRoster(tag, message);
    return message;
  });
  return play(world, { down });
}

describe('elements out of range', () => {
  it("can't be written: every string of b bits is an element of the ring", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 32 }),
        fc.integer({ min: 1, max: 40 }),
        fc.infiniteStream(fc.integer({ min: 0, max: 255 })),
        (bits, length, stream) => {
          const packed = Uint8Array.from({ length: packedLength(bits, length) }, () => stream.next().value as number);
          const used = (bits * length) % 8;
          const last = packed.length - 1;
          if (used !== 0) packed[last] = (packed[last] as number) & ((1 << used) - 1);
          const vector = unpack(bits, length, packed);
          expect([...vector.lanes].every((value) => value < 2 ** bits)).toBe(true);
          expect(pack(vector)).toEqual(packed);
        },
      ),
    );
  });

  it.each([5, 12, 16, 27, 32])(
    'an upload of ones only, at %i bits, gives a sum of elements below 2^b',
    async (ringBits) => {
      const world = await five({ context: { ringBits }, inputs: () => [1, 2, 3, 4] });
      const used = (ringBits * 4) % 8;
      const outcome = await playUpload(world, 'client 1', (packed) =>
        packed.map((_, i) => (i === packed.length - 1 && used !== 0 ? (1 << used) - 1 : 0xff)),
      );
      expect(codes(outcome)).toEqual([]);
      expect(outcome.result?.survivors).toHaveLength(5);
      expect(sumOf(outcome)?.every((value) => value < 2 ** ringBits)).toBe(true);
    },
  );

  const padded = async () => {
    const world = await five({ context: { ringBits: 5, vectorLength: 3 }, inputs: () => [1, 2, 3] });
    return {
      world,
      outcome: await playUpload(world, 'client 1', (packed) => packed.map((byte, i) => (i === 1 ? byte | 0x80 : byte))),
    };
  };

  it('padding bits are refused, and the others make the sum', async () => {
    const { world, outcome } = await padded();
    expect(codes(outcome)).toEqual(['input.padding']);
    expect(right(world, outcome)).toBe(true);
  });

  it('control: without that check, one vector has two packed forms', async () => {
    off.padding = true;
    const { outcome } = await padded();
    expect(codes(outcome)).toEqual([]);
    expect(outcome.result?.survivors).toHaveLength(5);
  });
});

describe('inputs that are all at their maximum', () => {
  const largest = (n: number, ringBits: number): number => Math.floor((2 ** ringBits - 1) / n);

  it.each([
    [5, 3],
    [5, 8],
    [7, 12],
    [5, 16],
    [3, 31],
    [9, 32],
  ])("of %i clients in %i bits don't wrap", async (n, ringBits) => {
    const most = largest(n, ringBits);
    const world = await makeWorld({
      n,
      parameters: complete(Math.floor(n / 2) + 1),
      context: { ringBits, maxClients: n },
      inputs: () => [most, most, most, most],
    });
    expect(sumOf(await play(world))).toEqual(Array(4).fill(n * most));
  });

  it('a client more than the ring has room for is not let in', async () => {
    const world = await five({ context: { maxClients: 5 }, inputs: () => [largest(5, 16), 1, 1, 1] });
    const { authority, context } = world;
    const late = await makeSeat({ peer: 'late', authority, context, seed: 'x', input: [largest(5, 16), 1, 1, 1] });
    const outcome = await play({ ...world, seats: [...world.seats, late] });
    expect(codes(outcome)).toEqual(['advertise.full']);
    expect(sumOf(outcome)?.[0]).toBe(5 * largest(5, 16));
  });

  it('control: where it is let in, the sum wraps', async () => {
    const world = await makeWorld({
      n: 6,
      parameters: complete(4),
      context: { maxClients: 6 },
      inputs: () => [largest(5, 16), 1, 1, 1],
    });
    expect(sumOf(await play(world))?.[0]).toBe((6 * largest(5, 16)) % 2 ** 16);
  });
});
