import { checkOptions } from '../core/check.js';
import { AbortError, UsageError } from '../core/errors.js';
import type { RandomSource } from '../core/random.js';
import { type Accepted, type AggregateOptions, accept, checkList, type Vectors } from './input.js';
import type { RowSet } from './rows.js';
import { sourceOnDemand } from './seeded.js';
import { type Fault, type FloatVector, isUsable, largestMagnitude } from './vectors.js';
import type { Judgement } from './verdicts.js';

/**
 * What a rule found about one client. Scores grow with suspicion; their unit is the rule's own and is in its
 * docstring, so they compare within one result only.
 */
export interface Verdict {
  /** The client's place among the vectors given. */
  readonly client: number;
  readonly score: number;
  /** Whether the client is in the result, by the rule's own meaning. */
  readonly kept: boolean;
  /** From the score to where the decision turns: not negative for kept clients, not positive for rejected ones. */
  readonly margin: number;
  /** Set where the client was rejected before the rule ran. */
  readonly fault?: Fault;
}

/** Whether a rule that goes in steps came to its end. */
export interface Work {
  readonly iterations: number;
  /** False where the cap on iterations ended it. A rule of a set number of steps has converged after them. */
  readonly converged: boolean;
}

/** What a rule makes of n vectors. */
export interface Aggregated<T extends FloatVector> {
  /** d values, of the type of the input, the caller's own. */
  readonly vector: T;
  /** One a client, in order. */
  readonly verdicts: readonly Verdict[];
  /** The f that the rule ran with: the declared one less the clients rejected before it. */
  readonly f: number;
  /** For rules in steps. */
  readonly work?: Work;
}

/** Which condition on n and f a rule insists on. */
export interface RuleSettings {
  /**
   * `paper` (default): the condition that the rule's guarantee needs. `computable`: only that the formula has a value,
   * for experiments beyond the guarantee. Data (`aggregatorFrom`) can't ask for it.
   */
  readonly condition?: 'paper' | 'computable';
}

/** What a rule works with, besides its rows. */
export interface Context {
  /** The number of Byzantine clients assumed among the rows. */
  readonly f: number;
  /** Capped, not normalized; `undefined`: all the same. */
  readonly weights: Float64Array | undefined;
  /** Client numbers to rows; -1 for clients without one. */
  readonly rowOf: readonly number[];
  readonly history: readonly FloatVector[] | undefined;
  /** Throws `UsageError` (`robust.seed`) where no seed was given. */
  readonly random: () => RandomSource;
}

/** A rule's result over its rows. */
export interface Outcome {
  readonly vector: FloatVector;
  readonly judgement: Judgement;
  readonly work?: Work;
}

/** What makes up a rule. */
export interface Definition<Spec> {
  /** The rule as plain JSON. */
  readonly spec: Spec;
  /** The declared number of Byzantine clients; `undefined` where the rule takes none. */
  readonly f: number | undefined;
  /** The least n for which the guarantee holds with f Byzantine clients; Infinity: never. Grows with f. */
  readonly minimum: (f: number) => number;
  /** The same in words, such as `n >= 2f + 3`. */
  readonly condition: string;
  /** The least n for which the formula has a value; the default is `minimum`. */
  readonly computable?: (f: number) => number;
  /** Whether weights have a meaning in it. */
  readonly weighted: boolean;
  readonly run: (rows: RowSet, context: Context) => Outcome;
}

/** Any rule as plain JSON: its kind, and the fields that the file of that rule adds. */
export interface AnySpec {
  readonly kind: string;
}

/**
 * A rule from many vectors to one. Made by the functions of `aggregators/` and `pre/`, or from data by
 * `aggregatorFrom`. Holds no state: the same input gives the same bits, on every machine.
 */
export class Aggregator<Spec extends AnySpec = AnySpec> {
  readonly #definition: Definition<Spec>;
  readonly #settings: RuleSettings;

  /** @internal */
  constructor(definition: Definition<Spec>, settings: RuleSettings = {}) {
    const { condition } = checkOptions('settings', settings);
    if (condition !== undefined && condition !== 'paper' && condition !== 'computable')
      throw new UsageError('usage.choice', 'settings.condition must be paper or computable');
    this.#definition = definition;
    this.#settings = settings;
  }

  /** The rule as plain JSON; `aggregatorFrom` makes it again. */
  get spec(): Spec {
    return this.#definition.spec;
  }

  /** The declared number of Byzantine clients, 0 where the rule takes none. */
  get f(): number {
    return this.#definition.f ?? 0;
  }

  /** Whether the rule takes weights. */
  get weighted(): boolean {
    return this.#definition.weighted;
  }

  /** The rule's condition on n and f in words, such as `n >= 2f + 3`. */
  get condition(): string {
    return this.#definition.condition;
  }

  /** The least n for which the guarantee holds with `f` Byzantine clients; Infinity where none would do. */
  minimumClients(f: number = this.f): number {
    return this.#definition.minimum(f);
  }

  /** @internal What pre-aggregators need of the rule inside them. */
  get definition(): Definition<Spec> {
    return this.#definition;
  }

  /**
   * Throws `UsageError` (`robust.condition`) unless `n` vectors with `f` Byzantine ones are enough, with the n that
   * would be.
   */
  checkCondition(n: number, f: number = this.f): void {
    const { minimum, computable, condition } = this.#definition;
    const lenient = this.#settings.condition === 'computable';
    const needed = (lenient ? (computable ?? minimum) : minimum)(f);
    if (n >= needed) return;
    const remedy = Number.isFinite(needed) ? `${needed} vectors would do` : 'no number of vectors would do';
    throw new UsageError(
      'robust.condition',
      `${this.spec.kind} needs ${condition}; with f = ${f}, n must be ${needed} or more, got ${n}: ${remedy}`,
    );
  }

  /**
   * Aggregates n vectors of d values; they are read only. A client whose vector is not finite or of another length, or
   * whose weight is not a finite number from 0, is rejected first and alone; the rule then runs on the others with f
   * lowered by as many, since f counts every client that misbehaves. Every rule ends: those in steps have
   * caps, and exact searches are refused where they would be long.
   *
   * Throws `UsageError` for a wrong call, among them `robust.condition` (too few vectors for f) and `robust.weights`
   * (the rule takes none); `AbortError` where no vector is usable (`robust.no-vectors`) or more clients are faulty than
   * f allows (`robust.faults`).
   */
  aggregate<T extends FloatVector>(vectors: Vectors<T>, options: AggregateOptions = {}): Aggregated<T> {
    checkOptions('options', options);
    const { definition } = this;
    if (options.weights !== undefined && !definition.weighted)
      throw new UsageError('robust.weights', `${this.spec.kind} takes no weights; leave them out`);
    const accepted = accept(vectors, options);
    const faulty = accepted.faults.length - accepted.clients.length;
    const f = remainingFaults(definition.f, faulty);
    this.checkCondition(accepted.rows.count, f);
    const { vector, judgement, work } = definition.run(accepted.rows, contextOf(accepted, options, f));
    return {
      vector: vector as T, // made by zerosLike from a vector of T
      verdicts: verdictsOf(accepted, judgement),
      f,
      ...(work === undefined ? {} : { work }),
    };
  }
}

/**
 * The f left after `faulty` clients were rejected. If more are faulty than declared, the promise about f is broken, and
 * going on with f = 0 would let the real attackers in.
 */
function remainingFaults(declared: number | undefined, faulty: number): number {
  if (declared === undefined || declared === 0) return 0;
  if (faulty <= declared) return declared - faulty;
  throw new AbortError(
    'robust.faults',
    `${faulty} clients sent vectors or weights that can't be used, and the rule allows f = ${declared} to misbehave`,
  );
}

function contextOf(accepted: Accepted, options: AggregateOptions, f: number): Context {
  const rowOf = accepted.faults.map(() => -1);
  for (const [row, client] of accepted.clients.entries()) rowOf[client] = row;
  return {
    f,
    weights: accepted.weights,
    rowOf,
    history: historyOf(accepted, options.history),
    random: sourceOnDemand(options.seed),
  };
}

/** The histories of the clients that take part. They are the server's own record, so a fault in one is the caller's. */
function historyOf(
  accepted: Accepted,
  history: readonly FloatVector[] | undefined,
): readonly FloatVector[] | undefined {
  if (history === undefined) return undefined;
  if (!Array.isArray(history) || history.length !== accepted.faults.length)
    throw new UsageError('robust.history', `history must be a list of ${accepted.faults.length} vectors, one a client`);
  checkList(history, 'history');
  return accepted.clients.map((client) => {
    const vector = history[client];
    if (vector === undefined || vector.length !== accepted.rows.dimension || !isUsable(vector))
      throw new UsageError(
        'robust.history',
        `history[${client}] must be ${accepted.rows.dimension} finite values of at most ${largestMagnitude} in size`,
      );
    return vector;
  });
}

function verdictsOf({ clients, faults }: Accepted, { scores, kept, margins }: Judgement): Verdict[] {
  const rows = new Map(clients.map((client, row) => [client, row]));
  return faults.map((fault, client) => {
    const row = rows.get(client);
    if (row === undefined)
      return {
        client,
        score: Number.POSITIVE_INFINITY,
        kept: false,
        margin: Number.NEGATIVE_INFINITY,
        ...(fault === undefined ? {} : { fault }),
      };
    return { client, score: scores[row] ?? 0, kept: kept[row] ?? false, margin: margins[row] ?? 0 };
  });
}
