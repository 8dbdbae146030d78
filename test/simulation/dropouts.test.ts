import { describe, expect, test } from 'vitest';
import { phases } from '../../src/secagg/phase.js';
import { dropoutCounts, planDropouts } from '../../src/simulation/dropouts.js';
import { numbersFrom, seededRandom } from '../../src/simulation/random.js';

const numbers = () => numbersFrom(seededRandom(1, 'dropouts'));

describe('dropoutCounts', () => {
  test('counts as chooseParameters does', () => {
    expect(dropoutCounts(100, { share: 0.29, unmask: 0.005 })).toEqual({
      advertise: 0,
      share: 29,
      input: 0,
      confirm: 0,
      unmask: 0,
    });
  });

  test('refuses other phases, fractions out of range and more than everybody', () => {
    // @ts-expect-error no such phase
    expect(() => dropoutCounts(10, { shares: 0.1 })).toThrow(/"shares"/);
    // @ts-expect-error no object
    expect(() => dropoutCounts(10, null)).toThrow(/dropout must be an object/);
    expect(() => dropoutCounts(10, { share: 1.1 })).toThrow(/dropout.share/);
    expect(() => dropoutCounts(10, { share: 0.6, input: 0.6 })).toThrow(/all clients/);
  });
});

describe('planDropouts', () => {
  test('has as many of each phase as asked for, half of the uploads broken off in the middle', () => {
    const counts = dropoutCounts(1000, { advertise: 0.1, share: 0.2, input: 0.4, confirm: 0.05, unmask: 0.15 });
    const plan = planDropouts(1000, counts, { numbers: numbers(), chunks: 3 });
    for (const phase of phases)
      expect(plan.filter((dropout) => dropout?.phase === phase).length, phase).toBe(counts[phase]);
    const uploads = plan.flatMap((dropout) => (dropout?.phase === 'input' ? [dropout.chunks] : []));
    for (const chunks of [0, 1, 2, 3]) expect(uploads).toContain(chunks);
    expect(Math.max(...uploads)).toBe(3);
    expect(plan.some((dropout) => dropout?.noticed === true)).toBe(true);
    expect(plan.some((dropout) => dropout?.noticed === false)).toBe(true);
    expect(plan.every((dropout) => dropout === undefined || dropout.phase === 'input' || dropout.chunks === 0)).toBe(
      true,
    );
  });

  test('is the same for the same seed', () => {
    const counts = dropoutCounts(50, { share: 0.5 });
    const plan = () => planDropouts(50, counts, { numbers: numbers(), chunks: 1 });
    expect(plan()).toEqual(plan());
  });
});
