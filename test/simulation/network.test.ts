import { describe, expect, test } from 'vitest';
import { completeNetwork, Line } from '../../src/simulation/network.js';
import { numbersFrom, seededRandom } from '../../src/simulation/random.js';

const numbers = () => numbersFrom(seededRandom(1, 'network'));

describe('Line', () => {
  test('sends one message after another at its rate', () => {
    const line = new Line(1000, { least: 0, most: 0 }, numbers());
    expect(line.carry(0, 500)).toEqual({ left: 0.5, arrives: 0.5 });
    expect(line.carry(0.1, 500)).toEqual({ left: 1, arrives: 1 });
    expect(line.carry(3, 500)).toEqual({ left: 3.5, arrives: 3.5 });
  });

  test('delays each message within the latency, and keeps their order', () => {
    const line = new Line(1e9, { least: 0.1, most: 0.9 }, numbers());
    let before = 0;
    for (let i = 0; i < 100; i += 1) {
      const { left, arrives } = line.carry(i / 100, 1);
      expect(arrives).toBeGreaterThanOrEqual(Math.max(before, left + 0.1));
      expect(arrives).toBeLessThanOrEqual(left + 0.9);
      before = arrives;
    }
  });
});

test('completeNetwork has defaults and refuses nonsense', () => {
  expect(completeNetwork({}).latency).toEqual({ least: 0.02, most: 0.12 });
  expect(() => completeNetwork({ latency: { least: 2, most: 1 } })).toThrow(/latency.least/);
  expect(() => completeNetwork({ latency: { least: -1, most: 1 } })).toThrow(/latency.least/);
  expect(() => completeNetwork({ uplink: 0 })).toThrow(/uplink/);
  expect(() => completeNetwork({ downlink: Number.NaN })).toThrow(/downlink/);
});
