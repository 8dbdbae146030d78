import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { PeerError } from '../core/errors.js';
import { spawned } from './spawned.js';

/** Milliseconds that a program has to end by itself before it is killed. */
const grace = 2000;

/** A child process that answers each line with one line. */
export class Program {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;
  readonly #closed: Promise<unknown>;
  #errors = '';

  private constructor(child: ChildProcessWithoutNullStreams) {
    this.#child = child;
    this.#closed = new Promise((resolve) => child.once('close', resolve));
    // Its end shows where an answer is missing.
    child.on('error', () => {});
    child.stdin.on('error', () => {});
    child.stderr.on('data', (data) => {
      this.#errors = (this.#errors + String(data)).slice(-4000);
    });
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  }

  /** Throws `UsageError` (`usage.command`) if there is no such program. */
  static async start(
    [program = '', ...rest]: readonly string[],
    environment: Readonly<Record<string, string>>,
  ): Promise<Program> {
    const child = spawn(program, rest, { env: { ...process.env, ...environment } });
    const started = new Program(child);
    await spawned(child, program);
    return started;
  }

  /**
   * The answer to a line; none if it takes more than `patience` milliseconds. Throws `PeerError` if the program ends
   * instead.
   */
  async ask(line: string, patience: number): Promise<string | undefined> {
    this.#child.stdin.write(`${line}\n`);
    const answer = await within(patience, this.#lines.next());
    return answer?.done === true ? this.fault('ended without an answer') : answer?.value;
  }

  /** Throws `PeerError` (`driver.answer`) with what the program said on its standard error, once it has ended. */
  async fault(what: string): Promise<never> {
    await this.end();
    const { exitCode } = this.#child;
    const how = exitCode === null || exitCode === 0 ? '' : ` (exit code ${exitCode})`;
    const said = this.#errors.trim();
    throw new PeerError('driver.answer', `the program under test ${what}${how}${said === '' ? '' : `\n${said}`}`);
  }

  async end(): Promise<void> {
    this.#child.stdin.end();
    if (!this.#child.stdout.readableEnded) this.#child.kill();
    await within(grace, this.#closed);
    this.#child.kill('SIGKILL');
    // What it started itself may still hold the other ends.
    this.#child.stdout.destroy();
    this.#child.stderr.destroy();
  }
}

/** What the promise comes to within so many milliseconds. */
async function within<T>(milliseconds: number, promise: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, milliseconds, undefined);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
