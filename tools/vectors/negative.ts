import type { Phase } from '#veilsum/secagg/phase.js';
import { hex, type Json, type VectorFile } from './files.js';
import { slug } from './sessions.js';

export type Kind = 'refusal' | 'abort';

/** One fault: what a party is given after a number of honest steps, and what it must find. */
export interface Fault {
  readonly party: 'client' | 'server';
  readonly name: string;
  readonly covers: readonly string[];
  /** A replay, whose first `after` steps come before. */
  readonly base: string;
  readonly after: number;
  /** What then comes: a message, from whom (for a server), or something that the party does by itself. */
  readonly message?: Uint8Array;
  readonly from?: string;
  /** What comes right before it, and is taken. */
  readonly precede?: readonly Uint8Array[];
  /** Whether what precedes may be refused already. */
  readonly early?: true;
  /** Codes that are as good. */
  readonly also?: readonly string[];
  readonly does?: 'begin' | 'submit' | 'close';
  /** Instead of what the replay says. */
  readonly policy?: Json;
  readonly context?: Uint8Array;
  readonly authority?: Uint8Array;
  readonly server?: Json;
  /** The step of the replay that the server's session then goes on from; `after` unless given. */
  readonly resume?: number;
  readonly phase: Phase | 'before';
  readonly code: string;
  readonly kind?: Kind;
  readonly blame?: string;
}

export function negativeFile(fault: Fault): VectorFile {
  const { party, name, covers, base, after, message, from, does, policy, context, authority, server } = fault;
  const {
    precede,
    early,
    also,
    resume,
    phase,
    code,
    kind = 'refusal',
    blame = party === 'client' ? 'server' : from,
  } = fault;
  return {
    path: `negative/${party}/${slug(name)}.json`,
    content: {
      kind: 'negative',
      party,
      name: `${party}: ${name}`,
      covers,
      base,
      after,
      ...(policy === undefined ? {} : { policy }),
      ...(context === undefined ? {} : { context: hex(context) }),
      ...(authority === undefined ? {} : { authority: hex(authority) }),
      ...(server === undefined ? {} : { server }),
      ...(does === undefined ? {} : { does }),
      ...(from === undefined ? {} : { from }),
      ...(precede === undefined ? {} : { precede: precede.map(hex) }),
      ...(message === undefined ? {} : { message: hex(message) }),
      ...(resume === undefined ? {} : { resume }),
      ...(early === undefined ? {} : { early }),
      expect: { phase, kind, code, ...(also === undefined ? {} : { also }), blame: blame ?? null },
    },
  };
}

/** A copy with the bits of `mask` flipped at `at`; from the end if negative. */
export function flip(bytes: Uint8Array, at: number, mask = 1): Uint8Array {
  const copy = bytes.slice();
  const place = at < 0 ? copy.length + at : at;
  copy[place] = (copy[place] ?? 0) ^ mask;
  return copy;
}

/** A message with a big-endian number overwritten. */
export function put(bytes: Uint8Array, at: number, width: 1 | 2 | 4, value: number): Uint8Array {
  const copy = bytes.slice();
  const view = new DataView(copy.buffer);
  if (width === 1) view.setUint8(at, value);
  else if (width === 2) view.setUint16(at, value);
  else view.setUint32(at, value);
  return copy;
}

/** Where the body of a message begins. */
export const body = 17;

/**
 * The faults that any message of a session can have: cut short, too long, another session's, a vector beyond its
 * maximum.
 */
export function codecFaults(
  message: Uint8Array,
  common: Omit<Fault, 'message' | 'code' | 'covers'>,
  count?: { readonly at: number; readonly width: 2 | 4 },
): readonly Fault[] {
  const { name } = common;
  const faults: Fault[] = [
    {
      ...common,
      name: `${name} cut by a byte`,
      covers: ['wire-2'],
      message: message.slice(0, -1),
      code: 'codec.malformed',
    },
    {
      ...common,
      name: `${name} cut to its type`,
      covers: ['wire-2'],
      message: message.slice(0, 1),
      code: 'codec.malformed',
    },
    {
      ...common,
      name: `${name} with a byte more`,
      covers: ['wire-2'],
      message: Uint8Array.of(...message, 0),
      code: 'codec.malformed',
    },
    {
      ...common,
      name: `${name} of another session`,
      covers: ['wire-3'],
      message: flip(message, 16),
      code: 'session.mismatch',
    },
  ];
  if (count !== undefined)
    faults.push({
      ...common,
      name: `${name} that claims too many elements`,
      covers: ['wire-2'],
      message: put(message, count.at, count.width, count.width === 2 ? 0xffff : 0xffffffff),
      code: 'codec.malformed',
    });
  return faults;
}
