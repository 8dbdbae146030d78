import { defaultProvider } from '#provider';
import { checkChoice, checkInteger, checkNumber, checkOptions } from '../core/check.js';
import type { CryptoProvider } from '../crypto/provider/provider.js';
import { checkSuite, type SuiteId } from '../crypto/suite.js';
import { packedLength } from '../ring/pack.js';
import { limits } from '../secagg/limits.js';
import type { Assumptions, Threat } from '../secagg/parameters.js';
import { type Phase, phases } from '../secagg/phase.js';
import { type DropoutRates, dropoutCounts } from './dropouts.js';
import { completeNetwork, type Network, type NetworkOptions } from './network.js';
import { type ParameterSource, parameterSource } from './parameters.js';
import { type Seed, seededRandom } from './random.js';

export interface SimulationOptions {
  /** Clients that want to take part (n), 2 to 2^20. */
  readonly clients: number;
  /** Values in each input (d), 1 to 2^28. */
  readonly dimension: number;
  /** Everything random comes from it: the same seed, the same bytes. */
  readonly seed: Seed;
  /** Who vanishes when; nobody unless given. */
  readonly dropout?: DropoutRates;
  /** 1 unless given. */
  readonly suite?: SuiteId;
  /** `malicious` unless given. */
  readonly threat?: Threat;
  /** What k and t are chosen for: `corrupt` 0.1 and `dropout` the sum of the rates above unless given. */
  readonly assumptions?: Partial<Omit<Assumptions, 'threat'>>;
  /**
   * Neighbors of each client (k), the complete graph if it is n - 1 or more; given with `threshold`, nothing is chosen.
   */
  readonly degree?: number;
  /** Seed shares needed to reconstruct (t). */
  readonly threshold?: number;
  /** Bits of a ring element (b), 1 to 32; 32 unless given. Inputs are uniform in the whole ring. */
  readonly ringBits?: number;
  /** Least clients in the sum, for the server and each client; 2 unless given. */
  readonly minSurvivors?: number;
  /** For each application seed, the survivors from which on it is released; none unless given. */
  readonly releaseAt?: readonly number[];
  /** Bytes of uploads under way that the server holds; 64 MiB unless given. */
  readonly uploadBudget?: number;
  readonly network?: NetworkOptions;
  /**
   * Virtual seconds that the server waits in a phase; *input* has the time that the uploads take besides. 30 unless
   * given.
   */
  readonly deadline?: number;
  /** Virtual seconds after which the server gives a silent upload up. 10 unless given. */
  readonly patience?: number;
  /**
   * Its random bytes are replaced by seeded ones. The platform's unless given; `memoizingProvider` makes a large cohort
   * fast.
   */
  readonly provider?: CryptoProvider;
  /** Is shown every message that arrives, in order; it mustn't change or keep it. */
  readonly observe?: (observation: Observation) => void;
  /** CPU seconds so far, or any other clock; `performance.now` unless given. */
  readonly cpuClock?: () => number;
}

/** A message that has arrived. */
export interface Observation {
  readonly direction: 'up' | 'down';
  /** The client that sent it or got it, by number. */
  readonly client: number;
  readonly message: Uint8Array;
}

/** Options, checked and complete. */
export interface Setting {
  readonly clients: number;
  readonly dimension: number;
  readonly seed: Seed;
  readonly counts: { readonly [phase in Phase]: number };
  readonly suite: SuiteId;
  readonly threat: Threat;
  readonly parameters: ParameterSource;
  readonly ringBits: number;
  readonly minSurvivors: number;
  readonly releaseAt: readonly number[];
  readonly uploadBudget: number;
  readonly network: Network;
  readonly deadlines: { readonly [phase in Phase]: number };
  readonly patience: number;
  readonly provider: CryptoProvider;
  readonly observe: (observation: Observation) => void;
  readonly cpuClock: () => number;
}

/** Throws `UsageError` that names the option. */
export function completeOptions(options: SimulationOptions): Setting {
  checkOptions('options', options);
  const clients = checkInteger('clients', options.clients, 2, limits.clients);
  const dimension = checkInteger('dimension', options.dimension, 1, limits.vectorLength);
  seededRandom(options.seed, 'check');
  const ringBits = checkInteger('ringBits', options.ringBits ?? 32, 1, 32);
  const counts = dropoutCounts(clients, options.dropout ?? {});
  const vanishing = phases.reduce((sum, phase) => sum + counts[phase], 0) / clients;
  const threat = checkChoice<Threat>('threat', options.threat ?? 'malicious', ['semi-honest', 'malicious']);
  const network = completeNetwork(options.network);
  const uploadBudget = checkInteger('uploadBudget', options.uploadBudget ?? 2 ** 26, 0, Number.MAX_SAFE_INTEGER);
  const deadline = checkNumber('deadline', options.deadline ?? 30, 0.001, 1e9);
  const patience = checkNumber('patience', options.patience ?? 10, 0.001, 1e9);
  const length = packedLength(ringBits, dimension);
  // The server takes so many uploads at a time; the rest wait, also for those that it gives up.
  const waves = Math.ceil(clients / Math.max(1, Math.floor(uploadBudget / length)));
  const uploads = waves * ((2 * length) / network.uplink + 4 * network.latency.most);
  const abandoned = counts.input * patience;
  return {
    clients,
    dimension,
    seed: options.seed,
    counts,
    suite: checkSuite(options.suite ?? 1),
    threat,
    parameters: parameterSource({ ...options, threat }, clients, Math.min(vanishing, 0.999_999)),
    ringBits,
    minSurvivors: checkInteger('minSurvivors', options.minSurvivors ?? 2, 2, limits.clients),
    releaseAt: options.releaseAt ?? [],
    uploadBudget,
    network,
    deadlines: {
      advertise: deadline,
      share: deadline,
      input: deadline + uploads + (waves > 1 ? abandoned : 0),
      confirm: deadline,
      unmask: deadline,
    },
    patience,
    provider: options.provider ?? defaultProvider,
    observe: options.observe ?? (() => undefined),
    cpuClock: options.cpuClock ?? (() => performance.now() / 1000),
  };
}
