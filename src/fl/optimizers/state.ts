import { equalBytes, toHex } from '../../core/bytes.js';
import { checkBytes, describe } from '../../core/check.js';
import { Reader, Writer } from '../../core/codec.js';
import { PeerError, UsageError } from '../../core/errors.js';
import { type Spec, specHash } from '../spec.js';
import { doubleBytes, doublesOf } from '../vectors.js';

/**
 * What an optimizer remembers between rounds. In doubles: squares of small updates added to a large second moment would
 * be lost in single precision, and a server has the 8 bytes a value; what is checkpointed is what was computed, bit for
 * bit.
 *
 *     struct {
 *       uint8 version;               // 1
 *       opaque spec_hash[32];        // SHA-256 of "optimizer" and the spec's canonical JSON
 *       uint32 dimension;
 *       uint64 steps;
 *       uint8 slots;
 *       double values[slots][dimension];   // IEEE 754, little-endian
 *     } OptimizerState;
 */
export interface OptimizerState {
  readonly kind: string;
  /** Rounds that the optimizer took. */
  readonly steps: number;
  /** Read them, don't write: a state may be stepped from again. */
  readonly slots: readonly Float64Array[];
}

/** Whose a state is. */
export interface StateOwner {
  readonly kind: string;
  readonly hash: Uint8Array;
  readonly dimension: number;
  readonly slots: number;
}

const version = 1;

/** Which optimizer made a state: the type can't say, and slots of one shape may mean other things. */
const owners = new WeakMap<OptimizerState, string>();

export function stateOf(spec: Spec, dimension: number, slots: number): StateOwner {
  return { kind: spec.kind, hash: specHash('optimizer', spec), dimension, slots };
}

function nameOf({ hash, dimension }: StateOwner): string {
  return `${toHex(hash)}/${dimension}`;
}

export function makeState(owner: StateOwner, steps: number, slots: readonly Float64Array[]): OptimizerState {
  const state = Object.freeze({ kind: owner.kind, steps, slots: Object.freeze([...slots]) });
  owners.set(state, nameOf(owner));
  return state;
}

/** Returns `state` if it is one of `owner`; throws `UsageError` (`optimizer.state`) otherwise. */
export function checkState(owner: StateOwner, state: OptimizerState): OptimizerState {
  const made = typeof state === 'object' && state !== null ? owners.get(state) : undefined;
  if (made === undefined)
    throw new UsageError(
      'optimizer.state',
      `state must come from initialState, step or decodeState, got ${describe(state)}`,
    );
  if (made !== nameOf(owner))
    throw new UsageError(
      'optimizer.state',
      `state must be of this ${owner.kind} optimizer, got that of another spec or dimension (${state.kind})`,
    );
  return state;
}

export function encodeState({ hash, dimension }: StateOwner, { steps, slots }: OptimizerState): Uint8Array {
  const writer = new Writer(46 + 8 * slots.length * dimension);
  writer.uint8(version).bytes(hash, 32).uint32(dimension).uint64(steps).uint8(slots.length);
  for (const slot of slots) writer.bytes(doubleBytes(slot));
  return writer.finish();
}

export function decodeState(owner: StateOwner, bytes: Uint8Array): OptimizerState {
  const reader = new Reader(checkBytes('bytes', bytes), 'optimizer state');
  const found = reader.uint8('version');
  if (found !== version)
    throw new PeerError('codec.malformed', `optimizer state: version is ${found}, this code reads ${version}`);
  const hash = reader.bytes(32, 'spec_hash');
  const dimension = reader.uint32('dimension');
  if (!equalBytes(hash, owner.hash) || dimension !== owner.dimension)
    throw new UsageError(
      'optimizer.state',
      `the bytes are the state of an optimizer of another spec or dimension (theirs ${dimension}, ours ${owner.dimension}): ` +
        'restore with the spec that was checkpointed, or start from initialState',
    );
  const steps = reader.uint64('steps');
  const count = reader.uint8('slots');
  if (count !== owner.slots)
    throw new PeerError('codec.malformed', `optimizer state: slots is ${count}, it must be ${owner.slots}`);
  const slots = Array.from({ length: count }, () =>
    doublesOf(reader.view(8 * dimension, 'values'), 'optimizer state: values'),
  );
  reader.end();
  return makeState(owner, steps, slots);
}
