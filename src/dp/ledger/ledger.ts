import { checkNumber, checkOptions, describe } from '../../core/check.js';
import { AbortError, UsageError } from '../../core/errors.js';
import { chargesByKey, type LedgerState, readChain } from './chain.js';
import { type Charge, canonicalJson, chargeKey, checkCharge, formatEntry, type JsonValue, lineHash } from './entry.js';
import { type LedgerStorage, type LedgerWriter, memoryStorage } from './storage.js';

/** How much may be spent, and who does the sums. */
export interface Budget {
  /** Most epsilon, > 0, of everything the ledger holds, or of each task alone. */
  readonly epsilon: number;
  readonly scope: 'ledger' | 'task';
  /** Epsilon of all these events together, at the budget's delta. Must not fall when an event is added. */
  readonly accountant: (events: readonly JsonValue[]) => number;
}

/** What `Ledger.open` takes. */
export interface LedgerOptions {
  readonly storage: LedgerStorage;
  /** Charges that would pass it are refused. Without one, the ledger only records. */
  readonly budget?: Budget;
}

/** Proof of payment. */
export interface Receipt {
  /** Hash of the chain's last line: a copy of it kept elsewhere shows whether the ledger was cut short. */
  readonly head: string;
  /** The release was paid for before, by an equal charge: nothing was spent now. */
  readonly repeated: boolean;
}

/**
 * What was spent, for good. A charge is durable before `charge` resolves, so whoever releases after that can't have
 * released more than was spent, wherever the process dies. Nothing is ever refunded: a release that failed is still
 * paid for, and doing it again with the same task, round and context costs nothing more.
 */
export class Ledger {
  readonly #writer: LedgerWriter;
  readonly #budget: Budget | undefined;
  readonly #charges: Charge[];
  readonly #byKey: Map<string, Charge>;
  #head: string;
  #broken = false;
  #closed = false;
  #queue: Promise<unknown> = Promise.resolve();

  private constructor(writer: LedgerWriter, state: LedgerState, head: string, budget: Budget | undefined) {
    this.#writer = writer;
    this.#charges = [...state.charges];
    this.#byKey = chargesByKey(state.charges);
    this.#head = head;
    this.#budget = budget;
  }

  /**
   * Opens a ledger for writing, and fences whoever had it open.
   *
   * @throws AbortError `ledger.corrupt`, `ledger.fenced`; UsageError `usage.range`, `usage.options`
   */
  static async open({ storage, budget }: LedgerOptions): Promise<Ledger> {
    if (budget !== undefined) checkBudget(budget);
    const { epoch, parts, writer } = await storage.open();
    try {
      const state = readChain(parts);
      const line = formatEntry({ kind: 'open', version: 1, epoch, previous: state.head });
      await writer.append(line);
      return new Ledger(writer, state, lineHash(line), budget);
    } catch (error) {
      await writer.close();
      throw error;
    }
  }

  /** Hash of the last line. */
  get head(): string {
    return this.#head;
  }

  /** Every charge so far. */
  get charges(): readonly Charge[] {
    return [...this.#charges];
  }

  /** Events charged to a task, or to all. */
  events(task?: string): readonly JsonValue[] {
    return this.#charges.filter((charge) => task === undefined || charge.task === task).map(({ event }) => event);
  }

  /**
   * Epsilon that a task (or the ledger, by the budget's scope) would have spent after these further events.
   *
   * @throws UsageError `usage.budget` without a budget
   */
  epsilonAfter(task: string, further: readonly JsonValue[] = []): number {
    if (this.#budget === undefined) throw new UsageError('usage.budget', 'the ledger was opened without a budget');
    const { accountant, scope } = this.#budget;
    const spent = this.events(scope === 'task' ? task : undefined);
    const epsilon = accountant([...spent, ...further]);
    if (typeof epsilon !== 'number' || Number.isNaN(epsilon) || epsilon < 0)
      throw new UsageError('usage.budget', `the accountant must give a number from 0 up, got ${describe(epsilon)}`);
    return epsilon;
  }

  /**
   * Pays for one release. Resolves once the charge is durable and no other writer has taken over: release only then.
   *
   * @throws UsageError as `checkCharge`, or `ledger.conflict` if the same task, round and context were charged for
   *   another event; AbortError `ledger.exhausted` if the budget would be passed (nothing is written), `ledger.fenced`,
   *   or `ledger.broken` after a failed write
   */
  async charge(charge: Charge): Promise<Receipt> {
    const checked = checkCharge(charge);
    const result = this.#queue.then(() => this.#charge(checked));
    this.#queue = result.catch(() => undefined);
    return result;
  }

  async #charge(charge: Charge): Promise<Receipt> {
    if (this.#broken) throw new AbortError('ledger.broken', 'the ledger is closed or a write failed: open it again');
    const before = this.#byKey.get(chargeKey(charge));
    if (before !== undefined) {
      if (canonicalJson(before.event) !== canonicalJson(charge.event))
        throw new UsageError(
          'ledger.conflict',
          `round ${charge.round} of ${describe(charge.task)} was charged for another event: a new release needs a new context`,
        );
      return { head: this.#head, repeated: true };
    }
    this.#refuseBeyondBudget(charge.task, [charge.event]);
    const line = formatEntry({ kind: 'charge', previous: this.#head, ...charge });
    try {
      await this.#writer.append(line);
    } catch (error) {
      this.#broken = true;
      throw error;
    }
    this.#head = lineHash(line);
    this.#charges.push(charge);
    this.#byKey.set(chargeKey(charge), charge);
    return { head: this.#head, repeated: false };
  }

  /**
   * For a client that is offered a task: throws AbortError `ledger.exhausted` if these events (all that the task may
   * come to, such as its planned rounds) would pass its own budget, so that it can refuse the task before it takes
   * part. Charges nothing.
   */
  refuseBeyondBudget(task: string, events: readonly JsonValue[]): void {
    this.#refuseBeyondBudget(
      task,
      events.map((event) => checkCharge({ task, round: 0, context: '', event }).event),
    );
  }

  #refuseBeyondBudget(task: string, events: readonly JsonValue[]): void {
    if (this.#budget === undefined) return;
    const epsilon = this.epsilonAfter(task, events);
    if (epsilon > this.#budget.epsilon)
      throw new AbortError(
        'ledger.exhausted',
        `${describe(task)} would come to epsilon ${epsilon}, the budget is ${this.#budget.epsilon}`,
      );
  }

  /** Waits for charges under way, then lets go of the storage. */
  async close(): Promise<void> {
    await this.#queue;
    if (this.#closed) return;
    this.#closed = true;
    this.#broken = true;
    await this.#writer.close();
  }
}

/**
 * Checks the whole chain. With `head`, also that the ledger holds that line, so it wasn't cut short before it.
 *
 * @throws AbortError `ledger.corrupt`
 */
export async function verifyLedger(storage: LedgerStorage, head?: string): Promise<LedgerState> {
  const parts = await storage.read();
  const state = readChain(parts);
  if (head !== undefined && !parts.some((part) => part.split('\n').some((line) => lineHash(line) === head)))
    throw new AbortError('ledger.corrupt', `the ledger does not hold the line with hash ${head}: it was cut short`);
  return state;
}

/**
 * All complete lines as one JSON-lines text, for an auditor; `importLedger` takes it. Throws AbortError
 * (`ledger.corrupt`).
 */
export async function exportLedger(storage: LedgerStorage): Promise<string> {
  const parts = await storage.read();
  readChain(parts);
  return parts.map((part) => part.slice(0, part.lastIndexOf('\n') + 1)).join('');
}

/** The parts of an exported text, checked. Throws UsageError (`usage.text`), AbortError (`ledger.corrupt`). */
export function parseLedger(text: string): readonly string[] {
  if (typeof text !== 'string') throw new UsageError('usage.text', `a ledger must be a string, got ${describe(text)}`);
  const parts: string[] = [];
  for (const line of text.split('\n').slice(0, -1)) {
    // Parts that a crash left empty are not in the text: they are put back, since openings are numbered.
    const opened = /^\{"epoch":(\d{1,9}),"kind":"open",/.exec(line)?.[1];
    if (opened !== undefined && Number(opened) <= parts.length + 1000)
      while (parts.length < Number(opened)) parts.push('');
    if (parts.length === 0) parts.push('');
    parts[parts.length - 1] += `${line}\n`;
  }
  if (text !== '' && !text.endsWith('\n'))
    throw new AbortError('ledger.corrupt', 'the text ends inside a line: it was cut short');
  readChain(parts);
  return parts;
}

/**
 * Charges an exported ledger's entries to an open one, for a move to other storage: what both hold counts once.
 *
 * @returns how many charges were new
 * @throws as `parseLedger` and `Ledger.charge`; charges before the one that failed stay
 */
export async function importLedger(ledger: Ledger, text: string): Promise<number> {
  const { charges } = await verifyLedger(memoryStorage(parseLedger(text)));
  let fresh = 0;
  for (const charge of charges) if (!(await ledger.charge(charge)).repeated) fresh += 1;
  return fresh;
}

function checkBudget(budget: Budget): void {
  if (typeof checkOptions('budget', budget).accountant !== 'function')
    throw new UsageError('usage.options', `budget.accountant must be a function, got ${describe(budget.accountant)}`);
  checkNumber('budget.epsilon', budget.epsilon, Number.MIN_VALUE, Number.MAX_VALUE);
  if (budget.scope !== 'ledger' && budget.scope !== 'task')
    throw new UsageError('usage.choice', `budget.scope must be ledger or task, got ${describe(budget.scope)}`);
}
