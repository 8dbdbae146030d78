/** Attacks by clients on the sum: one client that stands in two places. */
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { codeOf, codes, makeSeat, plainSum, play, type Seat, sumOf } from '../support/session.js';
import { five, right } from '../support/uploads.js';

const off = vi.hoisted(() => ({ duplicates: false, order: false }));

vi.mock('../../src/secagg/advertisement.js', async (original) => {
  const real = await original<typeof import('../../src/secagg/advertisement.js')>();
  return {
    ...real,
    addDistinct: (...all: Parameters<typeof real.addDistinct>) =>
      off.duplicates ? undefined : real.addDistinct(...all),
  };
});

vi.mock('../../src/secagg/client/roster-checks.js', async (original) => {
  const real = await original<typeof import('../../src/secagg/client/roster-checks.js')>();
  return {
    ...real,
    checkOrder: (...all: Parameters<typeof real.checkOrder>) => (off.order ? undefined : real.checkOrder(...all)),
    checkIdentities: (...all: Parameters<typeof real.checkIdentities>) =>
      off.order ? undefined : real.checkIdentities(...all),
  };
});

beforeEach(() => {
  for (const name of Object.keys(off) as (keyof typeof off)[]) off[name] = false;
});

describe('one client in two places', () => {
  const twice = async () => {
    const world = await five();
    const { authority, context } = world;
    const input = [...(world.seats[0] as Seat).input.lanes];
    const again = await makeSeat({ peer: 'client 0', authority, context, seed: 'again', input });
    return { ...world, seats: [...world.seats, { ...again, peer: 'the same by another name' }] };
  };

  it('is refused, and counts once', async () => {
    const world = await twice();
    const outcome = await play(world);
    expect(codes(outcome)).toEqual(['advertise.duplicate']);
    expect(right(world, outcome)).toBe(true);
    expect(outcome.result?.survivors).toHaveLength(5);
  });

  it('control: without the checks, its input counts twice', async () => {
    off.duplicates = true;
    off.order = true;
    const world = await twice();
    const outcome = await play(world);
    expect(codes(outcome)).toEqual([]);
    expect(outcome.result?.survivors).toHaveLength(6);
    const once = plainSum(
      world,
      world.seats.slice(0, 5).map(({ peer }) => peer),
    );
    expect(sumOf(outcome)).toEqual(once.map((value, i) => value + ((world.seats[0] as Seat).input.lanes[i] ?? 0)));
  });

  it('under the name that it has advertised by before is refused too', async () => {
    const world = await twice();
    for (const seat of world.seats.slice(0, 2)) await world.server.receive(seat.peer, await seat.client.start());
    const again = world.seats[5] as Seat;
    const message = await again.client.start();
    expect(await world.server.receive('client 0', message).then(() => 'taken', codeOf)).toBe('order.repeated');
  });

  it('a client that lost its connection before the roster was frozen may come back with fresh keys', async () => {
    const world = await twice();
    const [first] = world.seats as [Seat];
    await world.server.receive(first.peer, await first.client.start());
    await world.server.leave(first.peer);
    const outcome = await play({ ...world, seats: world.seats.slice(1) });
    expect(codes(outcome)).toEqual([]);
    expect(outcome.result?.survivors).toContain('the same by another name');
    expect(right(world, outcome)).toBe(true);
  });

  it('but not with the keys of its first advertisement', async () => {
    const world = await five();
    const [first] = world.seats as [Seat];
    const message = await first.client.start();
    await world.server.receive(first.peer, message);
    await world.server.leave(first.peer);
    expect(await world.server.receive('back', message).then(() => 'taken', codeOf)).toBe('advertise.duplicate');
  });
});
