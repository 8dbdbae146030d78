import { checkInteger, checkOptions } from '../../core/check.js';
import { UsageError } from '../../core/errors.js';
import { maxVectorLength } from '../../ring/vector.js';
import { parseSpec, type Spec } from '../spec.js';
import { checkDoubles, checkFinite, checkFloatVector, type FloatVector, vectorLike } from '../vectors.js';
import { type FedAdagradSpec, fedadagrad } from './fedadagrad.js';
import { type FedAdamSpec, fedadam } from './fedadam.js';
import { type FedAvgSpec, fedavg } from './fedavg.js';
import { type FedAvgMSpec, fedavgm } from './fedavgm.js';
import { type FedBuffSpec, fedbuff } from './fedbuff.js';
import { type FedNovaSpec, fednova } from './fednova.js';
import { type FedYogiSpec, fedyogi } from './fedyogi.js';
import type { OptimizerKind } from './kind.js';
import { type ScaffoldSpec, scaffold } from './scaffold.js';
import { checkState, decodeState, encodeState, makeState, type OptimizerState, stateOf } from './state.js';

/** A server optimizer as plain JSON, every field said. */
export type OptimizerSpec =
  | FedAvgSpec
  | FedAvgMSpec
  | FedAdamSpec
  | FedYogiSpec
  | FedAdagradSpec
  | FedNovaSpec
  | ScaffoldSpec
  | FedBuffSpec;

/** What may be left out is said at each field. */
export type OptimizerInput = {
  [K in OptimizerSpec as K['kind']]: Pick<K, 'kind'> &
    Partial<K> &
    // Adaptive rates depend on the task: there is no good default.
    Pick<K, Extract<keyof K, K extends { readonly beta1: number } ? 'learningRate' : 'clients'>>;
}[OptimizerSpec['kind']];

const kinds = { fedavg, fedavgm, fedadam, fedyogi, fedadagrad, fednova, scaffold, fedbuff };

/** What a round gives the optimizer. */
export interface OptimizerRound<V extends FloatVector> {
  /**
   * The model that the round began with. Keep it in doubles: in single precision, changes below 2^-24 of a weight are
   * lost.
   */
  readonly model: V;
  /** The (weighted) mean of the survivors' contributions: `contributionLength` values. */
  readonly mean: Float64Array;
  /** Clients in the mean, from 1. */
  readonly survivors: number;
  readonly state: OptimizerState;
}

/** One optimizer for models of one dimension. It holds no state: what it remembers is passed in and handed back. */
export interface ServerOptimizer {
  readonly spec: OptimizerSpec;
  readonly dimension: number;
  /** Values that each client contributes: the dimension, one more under FedNova, twice as many under SCAFFOLD. */
  readonly contributionLength: number;
  /** Whether every client has to count the same (SCAFFOLD, FedBuff). */
  readonly uniform: boolean;
  /** Before the first round. */
  readonly initialState: () => OptimizerState;
  /**
   * The next model, in the precision of the last, and the next state; what was passed in is left as it was, so a round
   * that fails later can be done again. Throws `UsageError`: `usage.floats`, `usage.vector`, `usage.range`,
   * `optimizer.state` on another optimizer's state, `usage.finite` on a mean with NaN or infinity, `optimizer.diverged`
   * if the model would have one; and under FedNova `PeerError` (`optimizer.normalizer`).
   */
  readonly step: <V extends FloatVector>(
    round: OptimizerRound<V>,
  ) => { readonly model: V; readonly state: OptimizerState };
  /** The state's bytes, to be stored with the model: `decodeState` gives it back bit for bit. */
  readonly encodeState: (state: OptimizerState) => Uint8Array;
  /**
   * Throws `PeerError` (`codec.malformed`) on bytes that `encodeState` doesn't write, `UsageError` (`optimizer.state`)
   * on those of another spec or dimension.
   */
  readonly decodeState: (bytes: Uint8Array) => OptimizerState;
}

/** An optimizer's spec from plain data. Throws `UsageError`: `optimizer.kind`, `optimizer.schema`. */
export function defineOptimizer(input: OptimizerInput): OptimizerSpec {
  return parseSpec<OptimizerSpec>('optimizer', kinds, input);
}

/** The optimizer of a spec. Throws as `defineOptimizer`, and `usage.range` unless the dimension is from 1 to 2^28. */
export function optimizerFrom(input: OptimizerInput, dimension: number): ServerOptimizer {
  const spec = defineOptimizer(input);
  checkInteger('dimension', dimension, 1, maxVectorLength);
  // The table's entry for a kind takes specs of that kind, which `spec` is.
  return build(kinds[spec.kind] as unknown as OptimizerKind<OptimizerSpec>, spec, dimension);
}

function build<S extends OptimizerSpec & Spec>(kind: OptimizerKind<S>, spec: S, dimension: number): ServerOptimizer {
  const owner = stateOf(spec, dimension, kind.slots(spec).length);
  const contributionLength = kind.contributionLength(dimension);
  return {
    spec,
    dimension,
    contributionLength,
    uniform: kind.uniform,
    initialState: () =>
      makeState(
        owner,
        0,
        kind.slots(spec).map((value) => new Float64Array(dimension).fill(value)),
      ),
    step: (round) => {
      const { model, mean, survivors, state } = checkOptions('round', round);
      checkFloatVector('model', model, dimension);
      checkDoubles('mean', mean, contributionLength);
      checkFinite('mean', mean, 'usage.finite', 'leave this round out');
      checkInteger('survivors', survivors, 1, 2 ** 32);
      checkState(owner, state);
      const step = state.steps + 1;
      const { change, slots } = kind.step(spec, { mean, survivors, step, slots: state.slots });
      const next = vectorLike(model, dimension, (i) => (model[i] as number) + (change[i] as number));
      for (const values of [next, ...slots])
        checkFinite(
          'the next model or state',
          values,
          'optimizer.diverged',
          'lower the learning rate, or go back a checkpoint',
        );
      return { model: next, state: makeState(owner, step, slots) };
    },
    encodeState: (state) => encodeState(owner, checkState(owner, state)),
    decodeState: (bytes) => decodeState(owner, bytes),
  };
}

/**
 * SCAFFOLD's c, which clients need beside the model. Throws `UsageError` (`optimizer.state`) on another optimizer's
 * state.
 */
export function scaffoldControl(state: OptimizerState): Float64Array {
  const [control] = state?.kind === 'scaffold' ? state.slots : [];
  if (control === undefined)
    throw new UsageError('optimizer.state', "state must be a SCAFFOLD optimizer's: no other has a control variate");
  return control;
}
