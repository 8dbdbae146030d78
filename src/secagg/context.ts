import { utf8 } from '../core/bytes.js';
import { checkBytes, checkChoice, checkInteger, checkOptions, describe } from '../core/check.js';
import { decodeText, Reader, Writer } from '../core/codec.js';
import { PeerError, UsageError } from '../core/errors.js';
import { hasLowOrder, isCanonicalAgreementKey } from '../crypto/agreement.js';
import { labelledHash } from '../crypto/kdf.js';
import { labels, uint32 } from '../crypto/labels.js';
import { checkSuite, type SuiteId, suites } from '../crypto/suite.js';
import { limits } from './limits.js';
import type { SessionParameters, Threat } from './parameters.js';

/** Version of the wire protocol. */
export const protocolVersion = 1;

const threats: readonly Threat[] = ['semi-honest', 'malicious'];

/**
 * What a session is about. Everything in it goes into the hash that each signature, key and sealed share of the session
 * is bound to, so two clients that were told different things can't be summed together: they get an abort or noise.
 */
export interface SessionContext {
  readonly suite: SuiteId;
  readonly threat: Threat;
  /** Name of the task, 1 to 255 bytes of UTF-8. */
  readonly task: string;
  /** Round of the task, from 0 to 2^32 - 1. */
  readonly round: number;
  /** 32 random bytes that name the session. */
  readonly session: Uint8Array;
  /** SHA-256 of the plan's exact bytes. */
  readonly planHash: Uint8Array;
  /** SHA-256 of the global model's exact bytes. */
  readonly modelHash: Uint8Array;
  /** Values in each masked input (d). */
  readonly vectorLength: number;
  /** Bits of a ring element (b): sums are mod 2^b. */
  readonly ringBits: number;
  /** Most clients the ring has room for; a larger roster is refused, so a sum can't wrap. */
  readonly maxClients: number;
  /** Ed25519 key of the enrolment authority, 32 bytes. */
  readonly authority: Uint8Array;
  /** The server's X25519 key, 32 bytes, fresh for each session: uploads are authenticated to it. */
  readonly serverKey: Uint8Array;
  /**
   * One entry for each application seed that a client shares beside its mask seeds: the seed is reconstructed for each
   * survivor if there are at least this many survivors.
   */
  readonly releaseAt: readonly number[];
}

/** Returns `value` if it can be a task's name; throws `UsageError` (`usage.task`) otherwise. */
export function checkTaskName(field: string, value: unknown): string {
  if (typeof value !== 'string' || value === '' || utf8(value).length > limits.taskName)
    throw new UsageError(
      'usage.task',
      `${field} must be a name of 1 to ${limits.taskName} bytes of UTF-8, got ${describe(value)}`,
    );
  return value;
}

/** Returns `context` if each field is in range; throws `UsageError` that names the field otherwise. */
export function checkContext(context: SessionContext): SessionContext {
  checkOptions('context', context);
  checkSuite(context.suite);
  checkChoice('threat', context.threat, threats);
  checkTaskName('task', context.task);
  checkInteger('round', context.round, 0, 0xffffffff);
  checkBytes('session', context.session, 32);
  checkBytes('planHash', context.planHash, 32);
  checkBytes('modelHash', context.modelHash, 32);
  checkInteger('vectorLength', context.vectorLength, 1, limits.vectorLength);
  checkInteger('ringBits', context.ringBits, 1, 32);
  checkInteger('maxClients', context.maxClients, 2, limits.clients);
  checkBytes('authority', context.authority, 32);
  checkBytes('serverKey', context.serverKey, 32);
  if (!isCanonicalAgreementKey(context.serverKey) || hasLowOrder(context.serverKey))
    throw new UsageError('usage.key', 'serverKey is no X25519 key: it must be canonical and not of low order');
  if (!Array.isArray(context.releaseAt))
    throw new UsageError('usage.array', `releaseAt must be an array, got ${describe(context.releaseAt)}`);
  checkInteger('releaseAt.length', context.releaseAt.length, 0, limits.applicationSeeds);
  for (const survivors of context.releaseAt) checkInteger('releaseAt', survivors, 0, limits.clients);
  return context;
}

export function encodeContext(context: SessionContext): Uint8Array {
  return new Writer()
    .uint16(protocolVersion)
    .uint16(context.suite)
    .uint8(threats.indexOf(context.threat))
    .opaque(utf8(context.task), limits.taskName)
    .uint32(context.round)
    .bytes(context.session, 32)
    .bytes(context.planHash, 32)
    .bytes(context.modelHash, 32)
    .uint32(context.vectorLength)
    .uint8(context.ringBits)
    .uint32(context.maxClients)
    .bytes(context.authority, 32)
    .bytes(context.serverKey, 32)
    .vector(context.releaseAt, limits.applicationSeeds, (writer, survivors) => writer.uint32(survivors))
    .finish();
}

/** Throws `PeerError`: `codec.malformed`, `context.version`, `context.suite` or `context.range`. */
export function decodeContext(bytes: Uint8Array): SessionContext {
  const reader = new Reader(bytes, 'session context');
  const version = reader.uint16('version');
  if (version !== protocolVersion)
    throw new PeerError(
      'context.version',
      `the session speaks protocol version ${version}, this client ${protocolVersion}`,
    );
  const suiteNumber = reader.uint16('suite');
  const suite = suites.find((id) => id === suiteNumber);
  if (suite === undefined) throw new PeerError('context.suite', `suite ${suiteNumber} is unknown`);
  const threat = threats[reader.uint8('threat')];
  if (threat === undefined) throw new PeerError('context.range', 'the threat mode is unknown');
  const context: SessionContext = {
    suite,
    threat,
    task: decodeText(reader.opaque(limits.taskName, 'task')),
    round: reader.uint32('round'),
    session: reader.bytes(32, 'session'),
    planHash: reader.bytes(32, 'plan_hash'),
    modelHash: reader.bytes(32, 'model_hash'),
    vectorLength: reader.uint32('vector_length'),
    ringBits: reader.uint8('ring_bits'),
    maxClients: reader.uint32('max_clients'),
    authority: reader.bytes(32, 'authority'),
    serverKey: reader.bytes(32, 'server_key'),
    releaseAt: reader.vector(limits.applicationSeeds, 4, 'release_at', (item) => item.uint32('release_at')),
  };
  reader.end();
  try {
    return checkContext(context);
  } catch (error) {
    throw new PeerError('context.range', error instanceof Error ? error.message : 'a field is out of range', {
      cause: error,
    });
  }
}

/** The hash that advertisements are bound to. */
export function contextHash(context: SessionContext): Uint8Array {
  return labelledHash(labels.session, encodeContext(context));
}

/** Bytes of the context's hash that each message of the session starts with, so that none is taken for another's. */
export const tagLength = 16;

/** The hash that everything after *advertise* is bound to: the context, the roster and the parameters. */
export function frozenHash(context: Uint8Array, root: Uint8Array, parameters: SessionParameters): Uint8Array {
  const { n, degree, threshold } = parameters;
  return labelledHash(labels.frozen, context, root, uint32(n), uint32(degree), uint32(threshold));
}
