import { describe, expect, it } from 'vitest';
import type { Connection } from '../../src/server/connection.js';
import { deal, Lobby, shuffled } from '../../src/server/lobby.js';
import { range } from './fixtures.js';

/** The lobby only compares connections. */
const connections = (count: number): Connection[] => range(count).map((i) => ({ id: String(i) }) as Connection);

describe('Lobby', () => {
  it('gathers at once when there are as many as there may be, at random if there are more', async () => {
    const lobby = new Lobby();
    for (const connection of connections(20)) lobby.add(connection);
    const taken = await lobby.gather({ min: 2, max: 5, patience: 1e6 });
    expect(new Set(taken).size).toBe(5);
    for (const connection of taken) expect(lobby.has(connection)).toBe(false);
    const others = await lobby.gather({ min: 15, max: 15, patience: 1e6 });
    expect(new Set([...taken, ...others]).size).toBe(20);
  });

  it('waits for enough, and then a while for more', async () => {
    const lobby = new Lobby();
    const [a, b, c, d] = connections(4) as [Connection, Connection, Connection, Connection];
    const started = performance.now();
    const gathering = lobby.gather({ min: 2, max: 4, patience: 100 });
    lobby.add(a);
    setTimeout(() => lobby.add(b), 50);
    setTimeout(() => lobby.add(c), 80);
    setTimeout(() => lobby.add(d), 800);
    expect(new Set(await gathering)).toEqual(new Set([a, b, c]));
    expect(performance.now() - started).toBeGreaterThan(140);
  });

  it('starts waiting anew when somebody leaves and there are not enough', async () => {
    const lobby = new Lobby();
    const [a, b, c] = connections(3) as [Connection, Connection, Connection];
    const gathering = lobby.gather({ min: 2, max: 4, patience: 100 });
    lobby.add(a);
    lobby.add(b);
    setTimeout(() => lobby.delete(b), 30);
    setTimeout(() => lobby.add(c), 250);
    expect(new Set(await gathering)).toEqual(new Set([a, c]));
  });

  it('closing ends the gathering, and any later one', async () => {
    const lobby = new Lobby();
    const gathering = lobby.gather({ min: 2, max: 4, patience: 100 });
    lobby.close();
    await expect(gathering).rejects.toMatchObject({ code: 'session.cancelled' });
    await expect(lobby.gather({ min: 2, max: 4, patience: 100 })).rejects.toMatchObject({ code: 'session.cancelled' });
  });
});

describe('deal', () => {
  it.each([
    [10, 3],
    [12, 4],
    [5, 1],
    [7, 7],
  ])('%i items to %i groups of about one size', (items, count) => {
    const groups = deal(range(items), count);
    expect(groups).toHaveLength(count);
    expect(groups.flat().sort((a, b) => a - b)).toEqual(range(items));
    const sizes = groups.map((group) => group.length);
    expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
  });
});

it('shuffled keeps the items, and every place is about as likely', () => {
  const first = [0, 0, 0, 0];
  for (let i = 0; i < 4000; i += 1) {
    const result = shuffled([0, 1, 2, 3]);
    expect([...result].sort()).toEqual([0, 1, 2, 3]);
    first[result[0] ?? 0] = (first[result[0] ?? 0] ?? 0) + 1;
  }
  // Six standard deviations of a fair one.
  for (const count of first) expect(Math.abs(count - 1000)).toBeLessThan(165);
});
