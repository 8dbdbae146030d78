import { toHex, utf8 } from '../core/bytes.js';
import type { CryptoProvider } from '../crypto/provider/provider.js';
import type { SessionParameters } from '../secagg/parameters.js';
import type { Phase } from '../secagg/phase.js';
import type { Setting } from './options.js';

/** What one phase of a simulated session cost, all clients together. */
export interface PhaseReport {
  /** Virtual seconds from its begin to its end. */
  readonly seconds: number;
  /** Seconds of the CPU clock in clients' sessions, and in the server's. */
  readonly clientCpu: number;
  readonly serverCpu: number;
  /** Bytes that clients sent. */
  readonly bytesUp: number;
  /** Bytes that the server sent to clients that were still there. */
  readonly bytesDown: number;
}

/** Least, mean and most of a figure over the clients. */
export interface Spread {
  readonly least: number;
  readonly mean: number;
  readonly most: number;
}

export type SimulationOutcome =
  | { readonly kind: 'done' }
  | { readonly kind: 'aborted'; readonly phase: Phase; readonly code: string; readonly reason: string };

export interface SimulationReport {
  readonly outcome: SimulationOutcome;
  /** Whether the sum is the plain sum of the survivors' inputs; `undefined` without a sum. */
  readonly exact: boolean | undefined;
  /** What n, k and t were, once the roster was frozen. */
  readonly parameters: SessionParameters | undefined;
  /** Clients whose inputs are in the sum, by number; none without a sum. */
  readonly survivors: readonly number[];
  /** Clients that vanished on purpose before sending the phase's message. */
  readonly dropouts: { readonly [phase in Phase]: number };
  /** Clients that refused to go on, or were refused, by error code. */
  readonly refusals: ReadonlyMap<string, number>;
  /** Clients that sent seed shares to the server. */
  readonly revealed: number;
  /** Application seeds that the server has learned, and whether each is what its owner had. */
  readonly applicationSeeds: { readonly released: number; readonly right: boolean };
  readonly phases: { readonly [phase in Phase]: PhaseReport };
  /** Over all clients, also those that vanished. */
  readonly perClient: { readonly bytesUp: Spread; readonly bytesDown: Spread };
  /** Most bytes of uploads under way that the server held at a time, beside the sum. */
  readonly stagedBytes: number;
  /** Hash over every message that arrived, in order: equal for equal seeds and options. */
  readonly transcript: string;
}

type Counters = { -readonly [field in keyof PhaseReport]: number };

/** Collects a report's figures while a session runs. */
export class Tally {
  readonly #phases: { readonly [phase in Phase]: Counters };
  readonly #up: Float64Array;
  readonly #down: Float64Array;
  readonly #sha256: CryptoProvider['sha256'];
  readonly #clock: () => number;
  readonly #observe: Setting['observe'];
  readonly #refusals = new Map<string, number>();
  #transcript: Uint8Array = new Uint8Array(32);

  constructor(clients: number, options: Pick<Setting, 'provider' | 'cpuClock' | 'observe'>) {
    const zero = (): Counters => ({ seconds: 0, clientCpu: 0, serverCpu: 0, bytesUp: 0, bytesDown: 0 });
    this.#phases = { advertise: zero(), share: zero(), input: zero(), confirm: zero(), unmask: zero() };
    this.#up = new Float64Array(clients);
    this.#down = new Float64Array(clients);
    this.#sha256 = options.provider.sha256;
    this.#clock = options.cpuClock;
    this.#observe = options.observe;
  }

  /** Runs work of one side and adds its CPU time. */
  async timed<T>(side: 'clientCpu' | 'serverCpu', phase: Phase, work: () => T | Promise<T>): Promise<T> {
    const before = this.#clock();
    try {
      return await work();
    } finally {
      this.#phases[phase][side] += this.#clock() - before;
    }
  }

  sent(direction: 'up' | 'down', { phase, client, bytes }: { phase: Phase; client: number; bytes: number }): void {
    this.#phases[phase][direction === 'up' ? 'bytesUp' : 'bytesDown'] += bytes;
    const perClient = direction === 'up' ? this.#up : this.#down;
    perClient[client] = (perClient[client] ?? 0) + bytes;
  }

  arrived(direction: 'up' | 'down', client: number, message: Uint8Array): void {
    this.#observe({ direction, client, message });
    const header = utf8(`${direction} ${client}`);
    const next = new Uint8Array(64 + header.length);
    next.set(this.#transcript);
    next.set(this.#sha256(message), 32);
    next.set(header, 64);
    this.#transcript = this.#sha256(next);
  }

  refused(code: string): void {
    this.#refusals.set(code, (this.#refusals.get(code) ?? 0) + 1);
  }

  lasted(phase: Phase, seconds: number): void {
    this.#phases[phase].seconds = seconds;
  }

  figures(): Pick<SimulationReport, 'phases' | 'perClient' | 'refusals' | 'transcript'> {
    return {
      phases: structuredClone(this.#phases),
      perClient: { bytesUp: spread(this.#up), bytesDown: spread(this.#down) },
      refusals: new Map(this.#refusals),
      transcript: toHex(this.#transcript),
    };
  }
}

function spread(values: Float64Array): Spread {
  const sum = values.reduce((total, value) => total + value, 0);
  const least = values.reduce((a, b) => Math.min(a, b), Infinity);
  return { least, mean: sum / values.length, most: values.reduce((a, b) => Math.max(a, b), 0) };
}
