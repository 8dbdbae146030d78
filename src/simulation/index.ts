/** Whole sessions in one process: seeded randomness, a virtual network and clock, dropouts where one wants them. */
export { AbortError, InternalError, PeerError, UsageError, VeilsumError } from '../core/errors.js';
export { type Task, VirtualClock } from './clock.js';
export type { DropoutRates } from './dropouts.js';
export { type MemoryOptions, memoizingProvider, seededProvider } from './memoize.js';
export type { NetworkOptions } from './network.js';
export type { Observation, SimulationOptions } from './options.js';
export { type Numbers, numbersFrom, type Seed, seededRandom } from './random.js';
export type { PhaseReport, SimulationOutcome, SimulationReport, Spread } from './report.js';
export { simulate } from './simulate.js';
