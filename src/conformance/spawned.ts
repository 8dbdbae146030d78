import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { UsageError } from '../core/errors.js';

/** Waits until the child has started. Throws `UsageError` (`usage.command`) if there is no such program. */
export async function spawned(child: ChildProcess, program: string): Promise<void> {
  try {
    await once(child, 'spawn');
  } catch (error) {
    throw new UsageError('usage.command', `can't start ${program}: ${error instanceof Error ? error.message : error}`);
  }
}
