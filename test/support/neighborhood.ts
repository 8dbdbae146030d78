/** A client, a server that surrounds it, and who else is in the roster: for attacks on who a client's neighbors are. */
import { contextHash } from '../../src/secagg/context.js';
import type { Advertisement } from '../../src/secagg/messages/advertise.js';
import { laxPolicy, makeAuthority, makeContext, makeSeat, type Seat } from './session.js';
import { enrolSpy, makeSpy, type Spy, type SpyOptions } from './surround.js';

export const input = [11, 22, 33, 44];
export const authority = await makeAuthority();
export const rogue = await makeAuthority('rogue');
export const context = await makeContext(authority, 'neighborhood');
export const hash = contextHash(context);

export const victimOf = (policy = laxPolicy): Promise<Seat> =>
  makeSeat({ peer: 'victim', authority, context, seed: 'neighborhood', policy, input });

export async function spyOf(
  name: string,
  options: Partial<SpyOptions> & { until?: number; by?: typeof authority } = {},
) {
  const identity = await enrolSpy(options.by ?? authority, name, options.until);
  return makeSpy({ name, context: hash, identity, ...options });
}

export const spiesOf = (count: number, options?: Parameters<typeof spyOf>[1]): Promise<Spy[]> =>
  Promise.all(Array.from({ length: count }, (_, i) => spyOf(`spy ${i}`, options)));

/** Advertisements of honest clients, whose secrets the server doesn't know. */
export const honest = async (count: number): Promise<Advertisement[]> =>
  (await Promise.all(Array.from({ length: count }, (_, i) => spyOf(`honest ${i}`)))).map(
    ({ advertisement }) => advertisement,
  );

export const completeOf = (n: number, threshold: number) => ({ n, degree: n - 1, threshold });
export const ring9 = { n: 9, degree: 4, threshold: 3 };
