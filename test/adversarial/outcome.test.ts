// A server that has the sum and says that it hasn't: who then submits the same update again gives it the difference of
// two sums.

import { beforeEach, describe, expect, it, vi } from 'vitest';
import { tagLength } from '../../src/secagg/context.js';
import { encodeOutcome } from '../../src/secagg/messages/outcome.js';
import { codeOf, complete, makeWorld, play } from '../support/session.js';

const off = vi.hoisted(() => ({ checkOutcome: false }));

vi.mock('../../src/secagg/client/unmask.js', async (original) => {
  const real = await original<typeof import('../../src/secagg/client/unmask.js')>();
  return {
    ...real,
    checkOutcome: (...all: Parameters<typeof real.checkOutcome>) =>
      off.checkOutcome ? undefined : real.checkOutcome(...all),
  };
});

beforeEach(() => {
  off.checkOutcome = false;
});

/** What the first client makes of an outcome instead of the message `instead` of, where its input is in the sum. */
async function told(outcome: { readonly survived: boolean; readonly survivors: number }, instead: string) {
  const world = await makeWorld({ n: 6, parameters: complete(4) });
  const [victim] = world.seats;
  const message = encodeOutcome(world.contextHash.subarray(0, tagLength), outcome);
  let answer: unknown;
  await play(world, {
    down: (honest, { peer, name }) => {
      if (peer !== victim?.peer || answer !== undefined || name !== instead) return honest;
      answer = victim.client.receive(message).catch((error: unknown) => codeOf(error));
      return [];
    },
  });
  expect(world.server.result?.survivors).toContain(victim?.peer);
  return { answer: await answer, submitted: victim?.client.submitted };
}

describe('an outcome that denies what a client has confirmed', () => {
  const lies = [
    ['that its input is missing', { survived: false, survivors: 5 }],
    ['another number of survivors', { survived: true, survivors: 5 }],
  ] as const;

  it.each(lies)('is refused: %s', async (_what, lie) => {
    for (const instead of ['confirmations', 'outcome'])
      expect(await told(lie, instead)).toEqual({ answer: 'outcome.survived', submitted: true });
  });

  it.each(lies)('control: without the check it is believed: %s', async (_what, lie) => {
    off.checkOutcome = true;
    expect(await told(lie, 'outcome')).toMatchObject({ answer: { kind: 'finished', ...lie } });
  });
});

// The others' seed shares suffice, so nothing that this client holds can tell.
it('before it confirms, a client can be told so; it knows that its input has left', async () => {
  const missed = { survived: false, survivors: 5 };
  expect(await told(missed, 'survivors')).toMatchObject({ answer: { kind: 'finished', ...missed }, submitted: true });
});
