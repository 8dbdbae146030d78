/** What a check found. */
export interface Finding {
  readonly grade: 'pass' | 'warn' | 'fail';
  /** What was seen, where it isn't a plain pass. */
  readonly detail?: string;
}

/** One thing that an implementation must do, or must not. */
export interface Check<Party> {
  /** Stable: `client/roster-8/stranger`. */
  readonly id: string;
  /** Rules of `protocol-spec/`, such as `roster-8`; the first is the one that the check is for. */
  readonly rules: readonly string[];
  /** What the other side does. */
  readonly title: string;
  readonly run: (party: Party) => Promise<Finding>;
}

export const pass: Finding = { grade: 'pass' };

export function fail(detail: string): Finding {
  return { grade: 'fail', detail };
}

/** Codes of parties that broke down: they did not see the fault. */
const breakdowns: ReadonlySet<string> = new Set(['server.failed', 'client.failed']);

/**
 * A message was refused. With another code than the text's that is a warning, since any of several faults may be
 * reported; a breakdown is no refusal.
 */
export function refusedWith(code: string | undefined, expected: readonly string[]): Finding {
  if (code !== undefined && expected.includes(code)) return pass;
  const detail = `refused with ${code ?? 'no code'} instead of ${expected.join(' or ')}`;
  return code !== undefined && breakdowns.has(code) ? fail(detail) : { grade: 'warn', detail };
}

/**
 * A session was ended. Its code must be the text's: at the end of a phase nothing else is wrong, and a rule that isn't
 * kept shows in the abort of a later one.
 */
export function abortedWith(code: string | undefined, expected: readonly string[]): Finding {
  if (code !== undefined && expected.includes(code)) return pass;
  return fail(`it gave up with ${code ?? 'no code'} instead of ${expected.join(' or ')}`);
}

/** The rule that a check called `rule/what` is for. */
export function ruleOf(name: string): string {
  return name.split('/')[0] ?? name;
}
