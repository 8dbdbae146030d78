/** Attacks on whose an upload is, and with whom it was masked. */
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { decodeDelivery, encodeDelivery } from '../../src/secagg/messages/delivery.js';
import type { MessageName } from '../../src/secagg/messages/envelope.js';
import { codes, complete, type Hand, play, tagOf } from '../support/session.js';
import { five, only, right } from '../support/uploads.js';

const off = vi.hoisted(() => ({ macs: false, maskedWith: false }));

vi.mock('../../src/secagg/input-mac.js', async (original) => {
  const real = await original<typeof import('../../src/secagg/input-mac.js')>();
  return {
    ...real,
    inputKeys: (...[provider, privateKey, uploads]: Parameters<typeof real.inputKeys>) =>
      real.inputKeys(
        provider,
        privateKey,
        uploads.map((upload) => (off.maskedWith ? { ...upload, maskedWith: [] } : upload)),
      ),
    inputMacFits: (...all: Parameters<typeof real.inputMacFits>) => off.macs || real.inputMacFits(...all),
  };
});

beforeEach(() => {
  for (const name of Object.keys(off) as (keyof typeof off)[]) off[name] = false;
});

describe('an upload under the code of another', () => {
  /**
   * What client 1 uploads, by the server's doing or its own: the messages of client 2 with these names in place of its
   * own.
   */
  const attack = async (names: readonly MessageName[]) => {
    const recorded = new Map<MessageName, Uint8Array>();
    await play(await five(), {
      up: (message, { peer, name }) => {
        if (peer === 'client 2') recorded.set(name, message);
        return message;
      },
    });
    const world = await five();
    const up: Hand = (message, { peer, name }) =>
      peer === 'client 1' && names.includes(name) ? recorded.get(name) : message;
    return { world, outcome: await play(world, { up }) };
  };

  it.each([[['inputEnd']], [['input']], [['input', 'inputEnd']]] as const)(
    '%j of another client: refused, and the sum of the others is right',
    async (names) => {
      const { world, outcome } = await attack(names);
      expect(codes(outcome)).toEqual(['input.mac']);
      expect(right(world, outcome)).toBe(true);
      expect(outcome.result?.survivors).toHaveLength(4);
    },
  );

  it('control: where codes are not compared, an input that was copied makes the sum wrong', async () => {
    off.macs = true;
    const { world, outcome } = await attack(['input', 'inputEnd']);
    expect(outcome.aborted).toBeUndefined();
    expect(right(world, outcome)).toBe(false);
  });
});

describe('a neighbor that the client masks with and the server does not know of', () => {
  const small = () => five({ parameters: complete(2) });

  /** Client 3 shares nothing; the victim is told that it did, in the place of client 4. */
  const attack = async () => {
    const world = await small();
    const tag = tagOf(world);
    const silent = only('client 3', 'share', () => undefined);
    const roster = (await play(await small())).result?.roster ?? [];
    const [wrong, replaced] = [roster.indexOf('client 3'), 0];
    const victim = roster.find((_, i) => i !== wrong && i !== replaced) ?? '';
    const lie = only(victim, 'delivery', (message) =>
      encodeDelivery(
        tag,
        decodeDelivery(tag, message, 0)
          .map((one) => (one.sender === replaced ? { ...one, sender: wrong } : one))
          .sort((a, b) => a.sender - b.sender),
      ),
    );
    return { world, outcome: await play(world, { up: silent, down: lie }) };
  };

  it('is noticed by the code over the upload, and the sum of the others is right', async () => {
    const { world, outcome } = await attack();
    expect(codes(outcome)).toEqual(['input.mac']);
    expect(right(world, outcome)).toBe(true);
  });

  it('control: where the code says nothing of the neighbors, the sum is wrong', async () => {
    off.maskedWith = true;
    const { world, outcome } = await attack();
    expect(outcome.aborted).toBeUndefined();
    expect(right(world, outcome)).toBe(false);
  });
});
