/** Attacks on who the members of a roster are: made up, expired, swapped, or one in many places. */
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { Advertisement } from '../../src/secagg/messages/advertise.js';
import {
  authority,
  completeOf,
  hash,
  honest,
  input,
  rogue,
  spiesOf,
  spyOf,
  victimOf,
} from '../support/neighborhood.js';
import { makeContext, makeSeat } from '../support/session.js';
import { enrolSpy, makeSpy, surround } from '../support/surround.js';

/** Which defence is switched off. */
const off = vi.hoisted(() => ({ findFault: false, addDistinct: false, checkOrder: false, checkIdentities: false }));

vi.mock('../../src/secagg/advertisement.js', async (original) => {
  const real = await original<typeof import('../../src/secagg/advertisement.js')>();
  return {
    ...real,
    findFault: (...all: Parameters<typeof real.findFault>) => (off.findFault ? undefined : real.findFault(...all)),
    addDistinct: (...all: Parameters<typeof real.addDistinct>) =>
      off.addDistinct ? undefined : real.addDistinct(...all),
  };
});

vi.mock('../../src/secagg/client/roster-checks.js', async (original) => {
  const real = await original<typeof import('../../src/secagg/client/roster-checks.js')>();
  return {
    ...real,
    checkOrder: (...all: Parameters<typeof real.checkOrder>) => (off.checkOrder ? undefined : real.checkOrder(...all)),
    checkIdentities: (...all: Parameters<typeof real.checkIdentities>) =>
      off.checkIdentities ? undefined : real.checkIdentities(...all),
  };
});

beforeEach(() => {
  for (const name of Object.keys(off) as (keyof typeof off)[]) off[name] = false;
});

describe('swapped keys', () => {
  /** Honest identities, whose signatures are over their own keys: the server puts its keys in the place of those. */
  const attack = async (swapped: readonly ('channelKey' | 'maskKey')[], count = 4) => {
    const spies = await Promise.all(
      Array.from({ length: 4 }, async (_, i) => {
        const identity = await enrolSpy(authority, `owner ${i}`);
        const genuine = (await makeSpy({ name: `owner ${i}`, context: hash, identity })).advertisement;
        const alter = (forged: Advertisement): Advertisement => ({
          ...genuine,
          ...(swapped.includes('channelKey') ? { channelKey: forged.channelKey } : {}),
          ...(swapped.includes('maskKey') ? { maskKey: forged.maskKey } : {}),
        });
        const options = { name: `server ${i}`, context: hash, identity };
        return makeSpy(i < count ? { ...options, alter } : options);
      }),
    );
    return surround({ victim: await victimOf(), spies, parameters: completeOf(5, 3) });
  };

  it('are refused, one or all of them, channel or mask key', async () => {
    for (const keys of [['channelKey'], ['maskKey'], ['channelKey', 'maskKey']] as const)
      for (const count of [1, 4]) expect(await attack(keys, count)).toEqual({ refused: 'advertise.signature' });
  });

  it('control: without findFault, the server reads the input', async () => {
    off.findFault = true;
    expect(await attack(['channelKey', 'maskKey'])).toEqual({ stolen: input });
  });
});

describe('unenrolled identities (Sybils)', () => {
  const attack = async () =>
    surround({ victim: await victimOf(), spies: await spiesOf(4, { by: rogue }), parameters: completeOf(5, 3) });

  it("are refused: their certificates are not the pinned authority's", async () => {
    expect(await attack()).toEqual({ refused: 'advertise.certificate' });
  });

  it('one among honest neighbors is refused as well', async () => {
    const [sybil] = await spiesOf(1, { by: rogue });
    const spies = sybil === undefined ? [] : [sybil];
    const result = await surround({
      victim: await victimOf(),
      spies,
      others: await honest(3),
      parameters: completeOf(5, 3),
    });
    expect(result).toEqual({ refused: 'advertise.certificate' });
  });

  it('control: without findFault, made-up neighbors read the input', async () => {
    off.findFault = true;
    expect(await attack()).toEqual({ stolen: input });
  });

  it('an authority that the server puts in the place of the pinned one is refused', async () => {
    const other = await makeContext(rogue, 'neighborhood');
    await expect(
      makeSeat({ peer: 'victim', authority, context: { ...other, authority: rogue.publicKey }, seed: 'x', input }),
    ).rejects.toMatchObject({ code: 'policy.authority' });
  });
});

describe('expired certificates', () => {
  /** Devices that were retired, and whose keys have leaked. */
  const attack = async (until: number) =>
    surround({ victim: await victimOf(), spies: await spiesOf(4, { until }), parameters: completeOf(5, 3) });

  it('are refused from the first second after their last', async () => {
    expect(await attack(999_999)).toEqual({ refused: 'advertise.expired' });
    expect(await attack(1_000_000)).toEqual({ stolen: input });
  });

  it('control: without findFault, retired devices read the input', async () => {
    off.findFault = true;
    expect(await attack(999_999)).toEqual({ stolen: input });
  });

  it('a date moved by the server breaks the certificate', async () => {
    const later = (advertisement: Advertisement): Advertisement => ({
      ...advertisement,
      certificate: { ...advertisement.certificate, validUntil: 3_000_000 },
    });
    const spies = await spiesOf(4, { until: 999_999, alter: later });
    const result = await surround({ victim: await victimOf(), spies, parameters: completeOf(5, 3) });
    expect(result).toEqual({ refused: 'advertise.certificate' });
  });
});

describe('one device in many places', () => {
  const sameIdentity = async () => {
    const identity = await enrolSpy(authority, 'one device');
    const spies = await Promise.all(
      Array.from({ length: 4 }, (_, i) => makeSpy({ name: `place ${i}`, context: hash, identity })),
    );
    return surround({ victim: await victimOf(), spies, parameters: completeOf(5, 3) });
  };

  it('an identity that stands twice is refused', async () => {
    expect(await sameIdentity()).toEqual({ refused: 'advertise.duplicate' });
  });

  it('and again by the order of identities, which must ascend', async () => {
    off.addDistinct = true;
    expect(await sameIdentity()).toEqual({ refused: 'roster.order' });
  });

  it('control: without the checks, one enrolled colluder surrounds a client and reads its input', async () => {
    off.addDistinct = true;
    off.checkOrder = true;
    off.checkIdentities = true;
    expect(await sameIdentity()).toEqual({ stolen: input });
  });

  /** Several identities with one key pair: whoever holds it holds all their shares. */
  const sameKeys = async () => {
    const spies = await Promise.all(
      Array.from({ length: 4 }, async (_, i) =>
        makeSpy({ name: 'shared keys', context: hash, identity: await enrolSpy(authority, `spy ${i}`) }),
      ),
    );
    return surround({ victim: await victimOf(), spies, parameters: completeOf(5, 3) });
  };

  it('session keys that stand twice are refused', async () => {
    expect(await sameKeys()).toEqual({ refused: 'advertise.duplicate' });
  });

  it('control: without addDistinct, one key pair passes for four', async () => {
    off.addDistinct = true;
    expect(await sameKeys()).toEqual({ stolen: input });
  });

  it('a channel key that is a mask key elsewhere, or in the same place, is refused', async () => {
    const [a, b] = await spiesOf(2);
    if (a === undefined || b === undefined) throw new Error('two spies');
    const cross = await spyOf('spy 1', { alter: (x) => ({ ...x, maskKey: a.advertisement.channelKey }) });
    const same = await spyOf('spy 1', { alter: (x) => ({ ...x, maskKey: x.channelKey }) });
    for (const spies of [
      [a, cross],
      [a, same],
    ])
      expect(await surround({ victim: await victimOf(), spies, parameters: completeOf(3, 2) })).toEqual({
        refused: 'advertise.duplicate',
      });
  });
});
