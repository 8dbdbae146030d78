import { describe, expect, it } from 'vitest';
import {
  type Accountant,
  calibrate,
  epsilonDelta,
  gaussian,
  laplace,
  PldAccountant,
  type PrivacyEvent,
  PrivacyFilter,
  PrivacyOdometer,
  PureAccountant,
  poissonSampled,
  RdpAccountant,
  selfComposed,
  ZcdpAccountant,
} from '../../src/dp/index.js';

type Event = PrivacyEvent<'addOrRemoveOne'>;
const target = { epsilon: 2, delta: 1e-5 };
const run = (samplingProbability: number, noiseMultiplier: number, steps: number): Event =>
  selfComposed(poissonSampled({ samplingProbability, event: gaussian({ noiseMultiplier }) }), steps);

const accountants: readonly (readonly [string, Accountant<'addOrRemoveOne'>])[] = [
  ['RDP', new RdpAccountant()],
  ['PLD', new PldAccountant()],
];

describe('calibration', () => {
  for (const [name, accountant] of accountants) {
    const spent = (event: Event): number => accountant.compose(event).epsilonBound(target.delta);

    it(`${name}: finds the least noise`, () => {
      const sigma = calibrate({
        accountant,
        target,
        event: (value) => run(0.01, value, 1000),
        least: 0.01,
        most: 1e6,
        costs: 'less',
      });
      expect(spent(run(0.01, sigma, 1000))).toBeLessThanOrEqual(target.epsilon);
      expect(spent(run(0.01, sigma * (1 - 1e-3), 1000))).toBeGreaterThan(target.epsilon);
    });

    it(`${name}: finds the most steps, exactly`, () => {
      const steps = calibrate({
        accountant,
        target,
        event: (value) => run(0.01, 1, value),
        least: 1,
        most: 1e9,
        costs: 'more',
        whole: true,
      });
      expect(spent(run(0.01, 1, steps))).toBeLessThanOrEqual(target.epsilon);
      expect(spent(run(0.01, 1, steps + 1))).toBeGreaterThan(target.epsilon);
    });

    it(`${name}: finds the largest sampling probability`, () => {
      const q = calibrate({
        accountant,
        target,
        event: (value) => run(value, 1, 1000),
        least: 1e-6,
        most: 1,
        costs: 'more',
      });
      expect(spent(run(q, 1, 1000))).toBeLessThanOrEqual(target.epsilon);
      expect(spent(run(q * (1 + 1e-3), 1, 1000))).toBeGreaterThan(target.epsilon);
    });

    it(`${name}: finds the largest clip norm for given noise`, () => {
      const clip = calibrate({
        accountant,
        target,
        event: (value) => run(0.01, 3 / value, 1000),
        least: 1e-3,
        most: 1e3,
        costs: 'more',
      });
      expect(spent(run(0.01, 3 / clip, 1000))).toBeLessThanOrEqual(target.epsilon);
      expect(spent(run(0.01, 3 / (clip * (1 + 1e-3)), 1000))).toBeGreaterThan(target.epsilon);
    });
  }

  it('works under any accountant', () => {
    const noise = { target, least: 0.01, most: 1e6, costs: 'less' } as const;
    const zcdp = calibrate({
      ...noise,
      accountant: new ZcdpAccountant(),
      event: (value) => gaussian({ noiseMultiplier: value }),
    });
    const pld = calibrate({
      ...noise,
      accountant: new PldAccountant(),
      event: (value) => gaussian({ noiseMultiplier: value }),
    });
    expect(zcdp).toBeGreaterThan(pld);
    const pure = calibrate({
      ...noise,
      accountant: new PureAccountant(),
      event: (value) => selfComposed(laplace({ noiseMultiplier: value }), 9),
    });
    expect(pure).toBeLessThan(9 / target.epsilon);
  });

  it('counts what was spent before', () => {
    const options = {
      target,
      event: (value: number) => run(0.01, value, 1000),
      least: 0.01,
      most: 1e6,
      costs: 'less',
    } as const;
    const before = new RdpAccountant().compose(run(0.01, 1.5, 1000));
    expect(calibrate({ ...options, accountant: before })).toBeGreaterThan(
      calibrate({ ...options, accountant: new RdpAccountant() }),
    );
  });

  it('says when nothing meets the target', () => {
    const options = {
      target,
      accountant: new RdpAccountant(),
      event: (value: number) => run(0.01, value, 1e6),
      costs: 'less',
    } as const;
    expect(() => calibrate({ ...options, least: 0.01, most: 1 })).toThrow(/no value/);
    expect(() => calibrate({ ...options, least: 2, most: 1 })).toThrow(/most/);
    expect(() => calibrate({ ...options, least: 1, most: 2, target: { epsilon: Number.NaN, delta: 1e-5 } })).toThrow(
      /epsilon/,
    );
  });
});

describe('odometers and filters', () => {
  for (const [name, accountant] of accountants) {
    it(`${name}: an odometer reads what was recorded`, () => {
      const odometer = new PrivacyOdometer(accountant);
      for (let i = 0; i < 3; i += 1) odometer.record(run(0.01, 1, 100));
      expect(odometer.spent(1e-5)).toEqual(accountant.compose(run(0.01, 1, 100), 3).epsilon(1e-5));
    });

    it(`${name}: a filter never passes its budget, and charges nothing for what it refuses`, () => {
      const filter = new PrivacyFilter(accountant, target);
      const step = run(0.01, 1, 200);
      let count = 0;
      while (filter.allows(step)) {
        filter.spend(step);
        count += 1;
      }
      expect(count).toBeGreaterThan(1);
      const before = filter.accountant.epsilonBound(1e-5);
      expect(before).toBeLessThanOrEqual(target.epsilon);
      expect(() => filter.spend(step)).toThrow(/budget/);
      expect(filter.accountant.epsilonBound(1e-5)).toBe(before);
      filter.spend(poissonSampled({ samplingProbability: 1e-4, event: gaussian({ noiseMultiplier: 50 }) }));
    });
  }

  it('refuses a budget that is spent already', () => {
    const spent = new PureAccountant().compose(epsilonDelta({ epsilon: 3, delta: 0 }));
    expect(() => new PrivacyFilter(spent, target)).toThrow(/already/);
  });
});
