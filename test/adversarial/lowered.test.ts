/** Attacks on the numbers of a session: a server that may choose them freely needs no other trick. */

import { beforeEach, describe, expect, it, vi } from 'vitest';
import { contextHash } from '../../src/secagg/context.js';
import type { SessionParameters } from '../../src/secagg/parameters.js';
import { type ClientPolicy, defaultPolicy, parametersFor } from '../../src/secagg/policy.js';
import { ServerSession } from '../../src/secagg/server/session.js';
import {
  codes,
  complete,
  laxPolicy,
  makeAuthority,
  makeContext,
  makeSeat,
  makeWorld,
  now,
  plainSum,
  play,
  sumOf,
} from '../support/session.js';
import { enrolSpy, identitiesAround, makeSpy, type Surrounded, surround } from '../support/surround.js';

const off = vi.hoisted(() => ({ checkParameters: false, checkOffer: false }));

vi.mock('../../src/secagg/policy.js', async (original) => {
  const real = await original<typeof import('../../src/secagg/policy.js')>();
  return {
    ...real,
    checkParameters: (...all: Parameters<typeof real.checkParameters>) =>
      off.checkParameters ? undefined : real.checkParameters(...all),
    checkOffer: (...all: Parameters<typeof real.checkOffer>) => (off.checkOffer ? undefined : real.checkOffer(...all)),
  };
});

beforeEach(() => {
  off.checkParameters = false;
  off.checkOffer = false;
});

const input = [5, 6, 7, 8];
const authority = await makeAuthority();
const context = await makeContext(authority, 'lowered');
const hash = contextHash(context);

interface Attack {
  readonly n: number;
  readonly degree: number;
  readonly threshold: number;
  readonly spies: number;
  readonly policy: Partial<ClientPolicy>;
  /** Makes another roster. */
  readonly attempt?: number;
}

async function attack({ spies: count, policy, attempt = 0, ...parameters }: Attack): Promise<Surrounded> {
  const named = async (name: string) => makeSpy({ name, context: hash, identity: await enrolSpy(authority, name) });
  const all = await Promise.all(
    Array.from({ length: parameters.n - 1 }, (_, i) => named(`member ${i} of attempt ${attempt}`)),
  );
  return surround({
    victim: await makeSeat({ peer: 'victim', authority, context, seed: 'lowered', policy, input }),
    spies: all.slice(0, count),
    others: all.slice(count).map(({ advertisement }) => advertisement),
    parameters,
  });
}

describe('lowered n', () => {
  const few = { n: 3, degree: 2, threshold: 2, spies: 2, policy: { ...laxPolicy, minClients: 4 } };

  it('is refused', async () => {
    expect(await attack(few)).toEqual({ refused: 'policy.clients' });
  });

  it('control: without the policy, two colluders are the whole cohort and read the input', async () => {
    off.checkParameters = true;
    expect(await attack(few)).toEqual({ stolen: input });
  });
});

describe('lowered t', () => {
  const one = { n: 8, degree: 7, threshold: 1, spies: 1, policy: { ...laxPolicy, minThreshold: 2 } };
  const three = { ...one, threshold: 3, spies: 3, policy: { ...laxPolicy, assumptions: defaultPolicy.assumptions } };

  it('is refused by the floor, and by what the policy assumes of colluders', async () => {
    expect(await attack(one)).toEqual({ refused: 'policy.threshold' });
    expect(await attack(three)).toEqual({ refused: 'policy.parameters' });
  });

  it('a threshold of none, or above the degree, is no session', async () => {
    for (const threshold of [0, 8])
      expect(await attack({ ...one, threshold })).toEqual({ refused: 'policy.parameters' });
  });

  it('control: without the policy, one colluder among seven reads the input at t = 1, three at t = 3', async () => {
    off.checkParameters = true;
    expect(await attack(one)).toEqual({ stolen: input });
    expect(await attack(three)).toEqual({ stolen: input });
  });

  it('as many colluders as t - 1 read nothing', async () => {
    off.checkParameters = true;
    expect(await attack({ ...three, spies: 2 })).toEqual({});
  });
});

describe('lowered degree', () => {
  const two = { n: 12, degree: 2, threshold: 2, spies: 6, policy: { ...laxPolicy, minDegree: 4 } };
  /** The server retries rosters until the graph puts colluders on either side of the victim. */
  const grind = async (policy: Partial<ClientPolicy>): Promise<Surrounded> => {
    let last: Surrounded = {};
    for (let attempt = 0; attempt < 40 && last.stolen === undefined; attempt += 1)
      last = await attack({ ...two, policy, attempt });
    return last;
  };

  it('is refused by the floor, and by what the policy assumes', async () => {
    expect(await attack(two)).toEqual({ refused: 'policy.degree' });
    const wary = { ...laxPolicy, assumptions: defaultPolicy.assumptions };
    expect(await attack({ ...two, policy: wary })).toEqual({ refused: 'policy.parameters' });
  });

  it('control: without the policy, a few retries give a roster in which two colluders surround the victim', async () => {
    off.checkParameters = true;
    expect(await grind(two.policy)).toEqual({ stolen: input });
  });

  it('a degree that no graph has is refused', async () => {
    for (const degree of [3, 12, 0]) {
      expect(await surroundWithDegree(degree)).toEqual({ refused: 'policy.parameters' });
    }
  });

  const surroundWithDegree = async (degree: number): Promise<Surrounded> => {
    const spies = await Promise.all(
      [0, 1, 2].map(async (i) =>
        makeSpy({ name: `x${i}`, context: hash, identity: await enrolSpy(authority, `x${i}`) }),
      ),
    );
    return surround({
      victim: await makeSeat({ peer: 'victim', authority, context, seed: 'lowered', input }),
      spies,
      parameters: { n: 4, degree: 3, threshold: 2 },
      alter: (message) => ({
        ...message,
        parameters: { n: 12, degree, threshold: 1 },
        identities: identitiesAround(12, message.entries),
      }),
    });
  };
});

describe('parameters for a server that only looks', () => {
  const semiHonest = (n: number): SessionParameters =>
    parametersFor({ ...defaultPolicy.assumptions, threat: 'semi-honest' }, n);

  it('are refused by clients that hold it for a liar, and nothing is shared', async () => {
    const world = await makeWorld({ n: 20, policy: { minDegree: 2, minThreshold: 2 } });
    const { context, privateKey } = world;
    const server = new ServerSession({ context, privateKey, parameters: semiHonest, time: now });
    const outcome = await play({ ...world, server });
    expect(codes(outcome)).toEqual(Array(20).fill('policy.parameters'));
    expect(outcome.aborted).toMatchObject({ code: 'share.few' });
  });

  it('control: without the policy, the session runs with them', async () => {
    off.checkParameters = true;
    const world = await makeWorld({ n: 20, policy: { minDegree: 2, minThreshold: 2 } });
    const { context, privateKey } = world;
    const server = new ServerSession({ context, privateKey, parameters: semiHonest, time: now });
    const outcome = await play({ ...world, server });
    expect(sumOf(outcome)).toEqual(plainSum(world, outcome.result?.survivors ?? []));
  });
});

describe('another suite or threat mode than the policy allows', () => {
  const suite = { context: { suite: 1 }, policy: { ...laxPolicy, suites: [2] } } as const;
  const threat = {
    context: { threat: 'semi-honest' },
    policy: { ...laxPolicy, assumptions: { ...defaultPolicy.assumptions, corrupt: 0, dropout: 0 } },
    parameters: complete(4),
  } as const;

  it('is refused before a key is made', async () => {
    await expect(makeWorld(suite)).rejects.toMatchObject({ code: 'policy.suite' });
    await expect(makeWorld(threat)).rejects.toMatchObject({ code: 'policy.threat' });
  });

  it.each([
    ['suite', suite],
    ['threat', threat],
  ] as const)('control: without the check, the session runs with it (%s)', async (_name, options) => {
    off.checkOffer = true;
    const world = await makeWorld(options);
    const outcome = await play(world);
    expect(codes(outcome)).toEqual([]);
    expect(sumOf(outcome)).toEqual(plainSum(world, outcome.result?.survivors ?? []));
  });

  it('what the server says of suite and threat later changes nothing: the tag binds them', async () => {
    const world = await makeWorld({ context: { suite: 2 } });
    const other = await makeWorld({ context: { suite: 1, session: world.context.session } });
    expect(world.contextHash).not.toEqual(other.contextHash);
  });
});
