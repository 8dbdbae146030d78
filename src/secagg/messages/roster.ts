import { limits } from '../limits.js';
import type { SessionParameters } from '../parameters.js';
import { type Advertisement, advertisementBytes, advertisementLength, readAdvertisement } from './advertise.js';
import { readMessage, writeMessage } from './envelope.js';

export interface RosterEntry {
  /** Position in the roster, from 0. */
  readonly index: number;
  readonly advertisement: Advertisement;
}

/** Server to client, phase 2: the frozen roster as this client needs it. */
export interface RosterMessage {
  readonly parameters: SessionParameters;
  /** `rosterRoot` of the Merkle tree over all advertisements in the order of their identity keys, 32 bytes. */
  readonly root: Uint8Array;
  /** All identity keys, in ascending order: 32 bytes a client. */
  readonly identities: Uint8Array;
  /** The receiver and its neighbors, by ascending index. */
  readonly entries: readonly RosterEntry[];
  /** Merkle proof for all entries at once, hashes of 32 bytes. */
  readonly proof: readonly Uint8Array[];
}

export function encodeRoster(tag: Uint8Array, message: RosterMessage): Uint8Array {
  const { parameters, root, identities, entries, proof } = message;
  const capacity = 128 + identities.length + entries.length * (advertisementLength + 4) + proof.length * 32;
  return writeMessage('roster', tag, capacity)
    .uint32(parameters.n)
    .uint32(parameters.degree)
    .uint32(parameters.threshold)
    .bytes(root, 32)
    .bytes(identities, parameters.n * 32)
    .vector(entries, limits.clients, (writer, { index, advertisement }) =>
      writer.uint32(index).bytes(advertisementBytes(advertisement)),
    )
    .vector(proof, limits.clients, (writer, hash) => writer.bytes(hash, 32))
    .finish();
}

export function decodeRoster(tag: Uint8Array, message: Uint8Array): RosterMessage {
  const reader = readMessage('roster', tag, message);
  const parameters = {
    n: reader.uint32('clients'),
    degree: reader.uint32('degree'),
    threshold: reader.uint32('threshold'),
  };
  const root = reader.bytes(32, 'root');
  const identities = reader.bytes(parameters.n * 32, 'identities');
  const entries = reader.vector(limits.clients, advertisementLength + 4, 'entries', (item) => ({
    index: item.uint32('index'),
    advertisement: readAdvertisement(item),
  }));
  const proof = reader.items(limits.clients, 32, 'proof');
  reader.end();
  return { parameters, root, identities, entries, proof };
}
