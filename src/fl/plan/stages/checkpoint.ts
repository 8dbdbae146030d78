import { equalBytes } from '../../../core/bytes.js';
import { checkBytes } from '../../../core/check.js';
import { Reader, Writer } from '../../../core/codec.js';
import { PeerError, UsageError } from '../../../core/errors.js';
import { doubleBytes, doublesOf } from '../../vectors.js';

/**
 * Where a task is after a round, bit for bit: model and optimizer in doubles.
 *
 *     struct {
 *       uint8 version;                 // 1
 *       opaque plan_hash[32];
 *       uint32 rounds;                 // done
 *       uint32 dimension;
 *       double model[dimension];       // IEEE 754, little-endian
 *       opaque optimizer<0..2^32-1>;   // OptimizerState
 *     } Checkpoint;
 */
export interface Checkpoint {
  readonly planHash: Uint8Array;
  /** Rounds done. */
  readonly rounds: number;
  readonly model: Float64Array<ArrayBuffer>;
  /** As the optimizer encodes its state. */
  readonly optimizer: Uint8Array;
}

const version = 1;

export function encodeCheckpoint({ planHash, rounds, model, optimizer }: Checkpoint): Uint8Array {
  return new Writer(45 + 8 * model.length + optimizer.length)
    .uint8(version)
    .bytes(planHash, 32)
    .uint32(rounds)
    .uint32(model.length)
    .bytes(doubleBytes(model))
    .opaque(optimizer, 2 ** 32 - 1)
    .finish();
}

/**
 * The checkpoint in `bytes`. Throws `UsageError` (`usage.checkpoint`) for one of another plan or dimension, `PeerError`
 * (`codec.malformed`) for bytes that `encodeCheckpoint` doesn't write.
 */
export function decodeCheckpoint(
  bytes: Uint8Array,
  expected: { readonly planHash: Uint8Array; readonly dimension: number },
): Checkpoint {
  const reader = new Reader(checkBytes('checkpoint', bytes), 'checkpoint');
  const found = reader.uint8('version');
  if (found !== version)
    throw new PeerError('codec.malformed', `checkpoint: version is ${found}, this code reads ${version}`);
  const planHash = reader.bytes(32, 'plan_hash');
  const rounds = reader.uint32('rounds');
  const dimension = reader.uint32('dimension');
  if (!equalBytes(planHash, expected.planHash) || dimension !== expected.dimension)
    throw new UsageError(
      'usage.checkpoint',
      'the checkpoint is of another plan: resume with the plan it was made under',
    );
  const model = doublesOf(reader.view(8 * dimension, 'model'), 'checkpoint: the model');
  const optimizer = reader.opaque(2 ** 32 - 1, 'optimizer');
  reader.end();
  return { planHash, rounds, model, optimizer };
}
