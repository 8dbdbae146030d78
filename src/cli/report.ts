import { CommanderError } from 'commander';
import { AbortError, PeerError, UsageError, VeilsumError } from '../core/errors.js';

/** What `--help` says about how a command ends. */
export const exitCodes = `
Exit codes:
  0  done, or stopped by Ctrl-C
  1  a bug, or something that nobody foresaw
  2  a wrong option, argument or file
  3  the other side broke the protocol, or asked for what the policy refuses
  4  it could not be done: too few clients, a lost connection
`;

export function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof UsageError) return 2;
  if (error instanceof PeerError) return 3;
  if (error instanceof AbortError) return 4;
  return 1;
}

/** An error on one line, with its stable code; `undefined` for what commander has printed itself. */
export function describeError(error: unknown): string | undefined {
  if (error instanceof CommanderError) return undefined;
  if (error instanceof VeilsumError) return `veilsum: ${error.code}: ${oneLine(error.message)}`;
  return `veilsum: internal: ${oneLine(error instanceof Error ? (error.stack ?? error.message) : String(error))}`;
}

function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, ' | ');
}
