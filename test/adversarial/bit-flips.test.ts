import { describe, expect, it, vi } from 'vitest';
import { contextHash } from '../../src/secagg/context.js';
import { decodeOffer, encodeOffer } from '../../src/secagg/messages/offer.js';
import { sealedLength } from '../../src/secagg/messages/share.js';
import { type FlipScene, flipAll, flippable, flipped, idle, scenes } from '../support/flips.js';
import { codeOf, makeWorld } from '../support/session.js';

const off = vi.hoisted(() => ({ maskedWith: false }));

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
  };
});

/** Bits that are left out between two flips here; `bit-flips.nightly.ts` leaves out none. */
const strides = [13, 31];

/**
 * Where a flip may have no effect: the client is told another outcome, a revealed share is wrong and corrected, sealed
 * shares don't open and one holder fewer is left, a signature among more than t is missing.
 */
const harmless = ['outcome', 'unmask', 'delivery', 'share', 'confirmations'];

describe.each(scenes.map((scene, i) => ({ scene, stride: strides[i] ?? 29 })))('$scene.name', ({ scene, stride }) => {
  it('undisturbed: the sum of those who stay, every message there', async () => {
    const { messages, outcome } = await flippable(scene);
    expect(messages.map(({ name }) => name)).toEqual([
      'advertise',
      'roster',
      'share',
      'delivery',
      'input',
      'inputEnd',
      'survivors',
      'confirm',
      'confirmations',
      'unmask',
      'outcome',
    ]);
    expect(outcome.refusals).toEqual([]);
    expect(outcome.result?.dropouts).toMatchObject({ share: [scene.silent], input: [idle] });
  });

  it('a flipped bit is noticed or without effect: never a wrong sum, never an untyped error', async () => {
    const { faults, tally, runs } = await flipAll(scene, stride);
    expect(faults).toEqual([]);
    expect(runs).toBeGreaterThan(400);
    const silent = [...tally.keys()].filter((key) => key.endsWith('no effect')).map((key) => key.split(':')[0]);
    for (const name of silent) expect(harmless).toContain(name);
  }, 600_000);
});

describe('the sender of sealed shares, flipped into a neighbor that shared nothing', () => {
  /** Every bit of every sender in a delivery. */
  const senders = async (scene: FlipScene): Promise<string[]> => {
    const { messages } = await flippable(scene);
    const at = messages.find(({ name }) => name === 'delivery');
    const results: string[] = [];
    const [header, entry] = [21, 4 + sealedLength(1)];
    for (let start = header; at !== undefined && start < at.length / 8; start += entry)
      for (let bit = 8 * start; bit < 8 * (start + 4); bit += 1) {
        const { fault, noticed } = await flipped(scene, at, bit);
        results.push(fault === '' ? noticed.join(', ') : fault);
      }
    return results;
  };
  const [complete] = scenes as [FlipScene];

  it('is noticed by the code over the upload', async () => {
    const results = await senders(complete);
    expect(new Set(results)).toEqual(new Set(['delivery.order', 'input.mac']));
  });

  it('control: where the code says nothing of the neighbors, one flipped bit makes the sum wrong', async () => {
    off.maskedWith = true;
    expect(await senders(complete)).toContain('a wrong sum');
    off.maskedWith = false;
  });
});

describe('an offer', () => {
  it('with a bit flipped is refused, or is another session, or only says where the model is', async () => {
    const { context } = await makeWorld();
    const plan = new TextEncoder().encode('{"plan":1}');
    const offer = encodeOffer({ context, plan, model: '/models/0123' });
    const results = new Set<string>();
    for (let bit = 0; bit < offer.length * 8; bit += 1) {
      const flippedOffer = offer.slice();
      flippedOffer[bit >>> 3] = (flippedOffer[bit >>> 3] ?? 0) ^ (1 << (bit & 7));
      try {
        const decoded = decodeOffer(flippedOffer);
        const same = Buffer.compare(contextHash(decoded.context), contextHash(context)) === 0;
        const samePlan = Buffer.compare(decoded.plan, plan) === 0;
        results.add(!same ? 'another session' : samePlan ? 'model' : 'plan');
      } catch (error) {
        results.add(codeOf(error));
      }
    }
    // The plan's hash is in the context: whoever takes an offer compares.
    for (const result of results)
      expect([
        'another session',
        'model',
        'plan',
        'codec.type',
        'codec.malformed',
        'context.version',
        'context.suite',
        'context.range',
      ]).toContain(result);
  });
});
