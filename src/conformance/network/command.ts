import { type ChildProcess, spawn } from 'node:child_process';
import { spawned } from '../spawned.js';

/** Milliseconds for the end of a process that was killed to be told. */
const grace = 2000;

/** A client that was started by a command, with whatever that has started in turn. */
export class Command {
  readonly #child: ChildProcess;
  /** Resolves when the command has ended. */
  readonly ended: Promise<void>;
  #errors = '';

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.ended = new Promise((resolve) => child.once('exit', () => resolve()));
    child.on('error', () => undefined);
    child.stderr?.on('data', (data) => {
      this.#errors = (this.#errors + String(data)).slice(-4000);
    });
  }

  /** Throws `UsageError` (`usage.command`) if there is no such program. */
  static async start([program = '', ...rest]: readonly string[]): Promise<Command> {
    // A group of its own, so that it ends with all that it has started, as `npx` starts the client proper.
    const child = spawn(program, rest, { stdio: ['ignore', 'ignore', 'pipe'], detached: ownGroup });
    const command = new Command(child);
    await spawned(child, program);
    return command;
  }

  /** How it ended, if it has, and what it said on its standard error. */
  get remains(): string {
    const { exitCode, signalCode } = this.#child;
    const how = signalCode ?? (exitCode === null ? '' : `exit code ${exitCode}`);
    const said = this.#errors.trim();
    return `${how === '' ? '' : ` (${how})`}${said === '' ? '' : `\n${said}`}`;
  }

  async kill(): Promise<void> {
    const { pid } = this.#child;
    if (pid === undefined) return;
    try {
      if (ownGroup) process.kill(-pid, 'SIGKILL');
      else this.#child.kill('SIGKILL');
    } catch {
      // Nobody is left of the group.
    }
    await Promise.race([this.ended, new Promise((resolve) => setTimeout(resolve, grace).unref())]);
    this.#child.stderr?.destroy();
  }
}

/** Windows has no process groups. */
const ownGroup = process.platform !== 'win32';
