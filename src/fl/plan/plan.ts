import { equalBytes } from '../../core/bytes.js';
import { checkBytes } from '../../core/check.js';
import { PeerError, UsageError } from '../../core/errors.js';
import { freezeDeep } from '../spec.js';
import { canonicalBytes, parseAsciiJson } from './canonical.js';
import type { Plan } from './fields.js';
import type { PlanInput } from './input.js';
import { brokenRule } from './rules/index.js';
import { checkFields } from './schema.js';
import { written } from './version.js';

/**
 * A plan from plain data; what isn't said is assumed (see `PlanInput`). Throws `UsageError`: `plan.schema` with the
 * path of the field that is missing, unknown, of a wrong type or out of range, or `plan.` and the id of the rule that
 * is broken.
 */
export function definePlan(input: PlanInput): Plan {
  return lawful(input, (code, message) => new UsageError(code, message));
}

/**
 * The plan that a server sent. The bytes must be exactly what `planBytes` gives for it, so that everyone who hashes
 * them hashes the same plan. Throws `PeerError`: `plan.length` above 16 KiB, `plan.encoding`, `plan.json`,
 * `plan.schema`, `plan.canonical`, or `plan.` and the id of the rule that is broken.
 */
export function parsePlan(bytes: Uint8Array): Plan {
  const value = parseAsciiJson(checkBytes('bytes', bytes));
  const plan = lawful(value, (code, message) => new PeerError(code, message));
  // Also catches what parsing or validating dropped: a key given twice, a default left out, -0.
  if (!equalBytes(bytes, planBytes(plan)))
    throw new PeerError(
      'plan.canonical',
      'a plan must be canonical JSON: every field, once, keys sorted, no whitespace, shortest numbers',
    );
  return plan;
}

/** The canonical JSON of a plan: what is sent, hashed into the session's context, and given to `parsePlan`. */
export function planBytes(plan: Plan): Uint8Array<ArrayBuffer> {
  return canonicalBytes(written(plan));
}

function lawful(input: unknown, fault: (code: string, message: string) => Error): Plan {
  const result = checkFields(input);
  if ('fault' in result) throw fault('plan.schema', `the plan is malformed: ${result.fault}`);
  const broken = brokenRule(result.fields);
  if (broken !== undefined) {
    const { rule, finding } = broken;
    throw fault(`plan.${rule.id}`, `the plan has ${rule.what} (${finding}): ${rule.why}. Instead, ${rule.instead}.`);
  }
  return freezeDeep(result.fields) as Plan;
}
