import type { PlanFields } from '../fields.js';
import { compressionRules } from './compression.js';
import { privacyRules } from './privacy.js';
import { robustRules } from './robust.js';
import type { Rule } from './rule.js';
import { scheduleRules } from './schedule.js';
import { serverRules } from './server.js';
import { sizeRules } from './sizes.js';

/** Everything that is refused, in the order it is checked. A new stage brings its rules here. */
export const rules: readonly Rule[] = [
  ...compressionRules,
  ...sizeRules,
  ...robustRules,
  ...scheduleRules,
  ...serverRules,
  ...privacyRules,
];

/** The first rule that `plan` breaks, and how. */
export function brokenRule(plan: PlanFields): { readonly rule: Rule; readonly finding: string } | undefined {
  for (const rule of rules) {
    const finding = rule.check(plan);
    if (finding !== undefined) return { rule, finding };
  }
  return undefined;
}
