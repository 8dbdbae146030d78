/** What every accountant keeps, whatever it adds up. */
import { describe, expect, it } from 'vitest';
import { UsageError } from '../../../src/core/errors.js';
import {
  type Accountant,
  composed,
  gaussian,
  noEvent,
  type PrivacyEvent,
  selfComposed,
} from '../../../src/dp/index.js';

type Default = 'addOrRemoveOne';

/** An accountant of nothing, and events that it can take, one at least. */
export interface Contract {
  readonly name: string;
  readonly empty: Accountant<Default>;
  readonly takes: readonly PrivacyEvent<Default>[];
  readonly refuses: readonly PrivacyEvent<Default>[];
  /** How far two ways to the same composition may be apart, relative. */
  readonly slack: number;
}

export function testContract({ name, empty, takes, refuses, slack }: Contract): void {
  const close = (a: number, b: number): void => {
    expect(Math.abs(a - b)).toBeLessThanOrEqual(slack * Math.max(a, b) + 1e-12);
  };

  describe(`${name}: the contract`, () => {
    it('costs nothing for nothing', () => {
      for (const accountant of [empty, empty.compose(noEvent()), empty.compose(takes[0] ?? noEvent(), 0)]) {
        expect(accountant.epsilon(1e-6).upper).toBe(0);
        expect(accountant.delta(1).upper).toBe(0);
      }
    });

    for (const [i, event] of takes.entries())
      it(`orders bounds and is monotone: ${event.kind} (${i})`, () => {
        const one = empty.compose(event);
        const three = empty.compose(event, 3);
        for (const delta of [1e-9, 1e-5, 1e-2]) {
          const { lower, estimate, upper } = three.epsilon(delta);
          expect(lower).toBeGreaterThanOrEqual(0);
          expect(lower).toBeLessThanOrEqual(estimate);
          expect(estimate).toBeLessThanOrEqual(upper);
          expect(three.epsilonBound(delta)).toBeGreaterThanOrEqual(lower);
          expect(one.epsilon(delta).lower).toBeLessThanOrEqual(upper);
        }
        expect(three.epsilon(1e-3).lower).toBeLessThanOrEqual(three.epsilon(1e-6).upper);
        expect(three.delta(2).lower).toBeLessThanOrEqual(three.delta(1).upper);
        for (const epsilon of [0, 0.5, 3]) {
          const { lower, estimate, upper } = three.delta(epsilon);
          expect(lower).toBeGreaterThanOrEqual(0);
          expect(lower).toBeLessThanOrEqual(estimate);
          expect(estimate).toBeLessThanOrEqual(upper);
          expect(upper).toBeLessThanOrEqual(1 + 1e-9);
        }
      });

    for (const [i, event] of takes.entries())
      it(`composes alike however it is written: ${event.kind} (${i})`, () => {
        const want = empty.compose(event, 4).epsilon(1e-5).upper;
        close(empty.compose(selfComposed(event, 4)).epsilon(1e-5).upper, want);
        close(empty.compose(composed([event, selfComposed(event, 2), event])).epsilon(1e-5).upper, want);
        close(empty.compose(selfComposed(event, 2), 2).epsilon(1e-5).upper, want);
        close(empty.compose(event).compose(event, 3).epsilon(1e-5).upper, want);
      });

    for (const [i, event] of takes.entries())
      it(`inverts epsilon by delta: ${event.kind} (${i})`, () => {
        const accountant = empty.compose(event, 2);
        const { lower, upper } = accountant.epsilon(1e-4);
        if (!Number.isFinite(upper) || upper === 0) return;
        expect(accountant.delta(upper * (1 + slack) + 1e-9).lower).toBeLessThanOrEqual(1e-4 * (1 + 1e-6));
        expect(accountant.delta(lower * (1 - slack)).upper).toBeGreaterThanOrEqual(1e-4 * (1 - 1e-2));
      });

    it('is immutable', () => {
      const before = empty.epsilon(1e-5);
      for (const event of takes) empty.compose(event);
      expect(empty.epsilon(1e-5)).toEqual(before);
    });

    it('skips nothing that it does not know', () => {
      for (const event of refuses) {
        expect(() => empty.compose(event)).toThrow(UsageError);
        expect(() => empty.compose(composed([takes[0] ?? noEvent(), event]))).toThrow(UsageError);
        expect(() =>
          empty.compose({ kind: 'invented', relation: 'addOrRemoveOne' } as unknown as typeof event),
        ).toThrow(UsageError);
      }
    });

    it('refuses another relation, and arguments out of range', () => {
      const other = gaussian({ relation: 'replaceOne', noiseMultiplier: 1 }) as unknown as PrivacyEvent<Default>;
      expect(() => empty.compose(other)).toThrow(/relation|addOrRemoveOne/);
      for (const delta of [-1, 1.5, Number.NaN, '1' as unknown as number])
        expect(() => empty.epsilon(delta)).toThrow(UsageError);
      for (const epsilon of [-1, Number.NaN, Number.POSITIVE_INFINITY, null as unknown as number])
        expect(() => empty.delta(epsilon)).toThrow(UsageError);
      const event = takes[0] ?? noEvent();
      for (const count of [-1, 0.5, Number.NaN, 2 ** 60]) expect(() => empty.compose(event, count)).toThrow(UsageError);
      expect(() => empty.compose(undefined as unknown as typeof event)).toThrow(UsageError);
    });
  });
}
