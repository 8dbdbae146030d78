import type { PlanFields } from '../fields.js';

/** Something that fields, each lawful by itself, must not say together. */
export interface Rule {
  /** Stable: the error's code is `plan.` and this. */
  readonly id: string;
  /** What is refused. */
  readonly what: string;
  readonly why: string;
  /** What to do about it. */
  readonly instead: string;
  /** Whether the type of what `definePlan` takes has no room for it either. */
  readonly compileTime: boolean;
  /**
   * Says what in `plan` breaks the rule, in numbers; `undefined` if nothing does. Rules before it in the table hold.
   */
  readonly check: (plan: PlanFields) => string | undefined;
}
