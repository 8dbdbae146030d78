import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { VirtualClock } from '../../src/simulation/clock.js';

describe('VirtualClock', () => {
  test('runs tasks by time, those of one time in the order of planning', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 60 }), async (times) => {
        const clock = new VirtualClock();
        const ran: { readonly time: number; readonly i: number }[] = [];
        for (const [i, time] of times.entries())
          clock.at(time, () => {
            expect(clock.now).toBe(time);
            ran.push({ time, i });
          });
        await clock.run();
        const expected = times.map((time, i) => ({ time, i })).sort((a, b) => a.time - b.time || a.i - b.i);
        expect(ran).toEqual(expected);
      }),
      { seed: 1, numRuns: 100 },
    );
  });

  test('waits for each task, and runs what tasks plan', async () => {
    const clock = new VirtualClock();
    const log: string[] = [];
    clock.at(1, async () => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      clock.at(clock.now, () => void log.push('planned'));
      log.push('first');
    });
    clock.at(2, () => void log.push('second'));
    await clock.run();
    expect(log).toEqual(['first', 'planned', 'second']);
    expect(clock.now).toBe(2);
  });

  test('stops when told to, and goes on when run again', async () => {
    const clock = new VirtualClock();
    let count = 0;
    const task = (): void => {
      count += 1;
    };
    for (let time = 1; time <= 4; time += 1) clock.at(time, task);
    await clock.run(() => count === 2);
    expect(count).toBe(2);
    await clock.run();
    expect(count).toBe(4);
  });

  test('has no way back, and passes on what a task throws', async () => {
    const clock = new VirtualClock();
    clock.at(5, () => {
      expect(() => clock.at(4, () => undefined)).toThrow(/time/);
      throw new Error('task');
    });
    await expect(clock.run()).rejects.toThrow('task');
    expect(() => clock.at(Number.NaN, () => undefined)).toThrow(/time/);
  });
});
