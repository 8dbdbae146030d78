import { describe, expect, it } from 'vitest';
import { publishedScale } from '../../../src/dp/mechanisms/published-scale.js';

describe('the published scale', () => {
  const first = { localDeviation: 0.101, clip: 0.994, ringBits: 16, clients: 106, dimension: 1024, deviations: 4 };
  const second = { localDeviation: 0.0223, clip: 0.449, ringBits: 12, clients: 519, dimension: 65_536, deviations: 3 };

  it('is what the reference computes', () => {
    expect(publishedScale(first) / 2372.4813972964976).toBeCloseTo(1, 13);
    expect(publishedScale(second) / 654.7774709655279).toBeCloseTo(1, 13);
  });

  it('refuses a ring without room and numbers out of range', () => {
    const code = (wrong: object, expected: string) =>
      expect(() => publishedScale({ ...first, ...wrong })).toThrow(expect.objectContaining({ code: expected }));
    code({ ringBits: 5 }, 'dp.infeasible');
    code({ clients: 0 }, 'usage.range');
    code({ clip: Number.NaN }, 'usage.range');
    code({ deviations: '4' }, 'usage.range');
  });
});
