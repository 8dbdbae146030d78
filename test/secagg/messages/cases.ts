/**
 * Every message of the wire protocol as a table: how to make one, write it and read it, and where its lengths stand.
 */
import fc from 'fast-check';
import { hasLowOrder, isCanonicalAgreementKey } from '../../../src/crypto/agreement.js';
import { type SessionContext, tagLength } from '../../../src/secagg/context.js';
import { limits } from '../../../src/secagg/limits.js';
import { decodeAbort, encodeAbort } from '../../../src/secagg/messages/abort.js';
import { decodeAdvertise, encodeAdvertise } from '../../../src/secagg/messages/advertise.js';
import { decodeConfirm, encodeConfirm } from '../../../src/secagg/messages/confirm.js';
import { decodeConfirmations, encodeConfirmations } from '../../../src/secagg/messages/confirmations.js';
import { decodeDelivery, encodeDelivery } from '../../../src/secagg/messages/delivery.js';
import type { MessageName } from '../../../src/secagg/messages/envelope.js';
import { decodeHello, encodeHello } from '../../../src/secagg/messages/hello.js';
import { decodeInput, encodeInput } from '../../../src/secagg/messages/input.js';
import { decodeInputEnd, encodeInputEnd } from '../../../src/secagg/messages/input-end.js';
import { decodeOffer, encodeOffer, type Offer } from '../../../src/secagg/messages/offer.js';
import { decodeOutcome, encodeOutcome } from '../../../src/secagg/messages/outcome.js';
import { decodeRoster, encodeRoster } from '../../../src/secagg/messages/roster.js';
import { decodeShare, encodeShare, sealedLength } from '../../../src/secagg/messages/share.js';
import { decodeSurvivors, encodeSurvivors } from '../../../src/secagg/messages/survivors.js';
import { decodeUnmask, encodeUnmask } from '../../../src/secagg/messages/unmask.js';

export const tag: Uint8Array = Uint8Array.from({ length: tagLength }, (_, i) => 0xa0 + i);

/** A length field of one sample message. */
export interface LengthField {
  readonly field: string;
  /** Where it stands in the sample. */
  readonly offset: number;
  readonly width: 2 | 4;
  readonly maximum: number;
}

export interface MessageCase {
  readonly name: MessageName;
  /** Whether the session's tag follows the type. */
  readonly tagged: boolean;
  /** Values with the bytes that they encode to. */
  readonly messages: fc.Arbitrary<{ readonly value: unknown; readonly bytes: Uint8Array }>;
  readonly sample: Uint8Array;
  readonly lengths: readonly LengthField[];
  readonly decode: (message: Uint8Array, expectedTag?: Uint8Array) => unknown;
  /** The bytes that encode what a message decodes to. */
  readonly rewrite: (message: Uint8Array) => Uint8Array;
}

interface Description<T> {
  readonly name: MessageName;
  readonly tagged?: boolean;
  readonly values: fc.Arbitrary<T>;
  readonly sample: T;
  readonly lengths?: readonly LengthField[];
  readonly encode: (tag: Uint8Array, value: T) => Uint8Array;
  readonly decode: (tag: Uint8Array, message: Uint8Array) => T;
}

function describeMessage<T>(description: Description<T>): MessageCase {
  const { name, tagged = true, values, sample, lengths = [], encode, decode } = description;
  return {
    name,
    tagged,
    messages: values.map((value) => ({ value, bytes: encode(tag, value) })),
    sample: encode(tag, sample),
    lengths,
    decode: (message, expectedTag = tag) => decode(expectedTag, message),
    rewrite: (message) => encode(tag, decode(tag, message)),
  };
}

const fixed = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: length, maxLength: length });
const filled = (length: number): Uint8Array => new Uint8Array(length).fill(7);
const uint32 = fc.integer({ min: 0, max: 0xffffffff });
/** Text of up to `units` characters, some of them of many bytes. */
const text = (minimum: number, units: number): fc.Arbitrary<string> =>
  fc.string({ unit: 'grapheme', minLength: minimum, maxLength: units, size: 'max' });

const certificate = { identityKey: filled(32), validUntil: 2 ** 40 + 5, signature: filled(64) };
const advertisement = { certificate, channelKey: filled(32), maskKey: filled(32), signature: filled(64) };
const advertisements = fc.record({
  certificate: fc.record({ identityKey: fixed(32), validUntil: fc.maxSafeNat(), signature: fixed(64) }),
  channelKey: fixed(32),
  maskKey: fixed(32),
  signature: fixed(64),
});

const context: SessionContext = {
  suite: 1,
  threat: 'malicious',
  task: 'digits',
  round: 3,
  session: filled(32),
  planHash: filled(32),
  modelHash: filled(32),
  vectorLength: 1000,
  ringBits: 20,
  maxClients: 64,
  authority: filled(32),
  serverKey: filled(32),
  releaseAt: [5],
};

/** Contexts that pass their own check. */
export const contexts: fc.Arbitrary<SessionContext> = fc.record({
  suite: fc.constantFrom(1 as const, 2 as const),
  threat: fc.constantFrom('semi-honest' as const, 'malicious' as const),
  task: text(1, 20).filter((task) => new TextEncoder().encode(task).length <= limits.taskName),
  round: uint32,
  session: fixed(32),
  planHash: fixed(32),
  modelHash: fixed(32),
  vectorLength: fc.integer({ min: 1, max: limits.vectorLength }),
  ringBits: fc.integer({ min: 1, max: 32 }),
  maxClients: fc.integer({ min: 2, max: limits.clients }),
  authority: fixed(32),
  serverKey: fixed(32).filter((key) => isCanonicalAgreementKey(key) && !hasLowOrder(key)),
  releaseAt: fc.array(fc.integer({ min: 0, max: limits.clients }), { maxLength: limits.applicationSeeds }),
});

/** Application seeds of the session that share and delivery belong to. */
const seeds = 2;
const sealed = fixed(sealedLength(seeds));
/** Where the body of a message starts: after the type and the tag. */
const body = 1 + tagLength;
const { clients } = limits;

export const cases: readonly MessageCase[] = [
  describeMessage({
    name: 'hello',
    tagged: false,
    values: fc.record({ task: text(0, 20).filter((task) => new TextEncoder().encode(task).length <= 255) }),
    sample: { task: 'digits' },
    lengths: [{ field: 'task', offset: 3, width: 2, maximum: 255 }],
    encode: (_, value) => encodeHello(value),
    decode: (_, message) => decodeHello(message),
  }),
  describeMessage<Offer>({
    name: 'offer',
    tagged: false,
    values: fc.record({ context: contexts, plan: fc.uint8Array({ maxLength: 100 }), model: text(0, 30) }),
    sample: { context, plan: filled(4), model: 'models/1' },
    lengths: [
      { field: 'context', offset: 1, width: 2, maximum: 1024 },
      { field: 'task', offset: 3 + 5, width: 2, maximum: 255 },
      { field: 'release_at', offset: 3 + 7 + 6 + 173, width: 2, maximum: 16 },
      { field: 'model', offset: 3 + 7 + 6 + 173 + 2 + 4 + 2 + 4, width: 2, maximum: 1024 },
    ],
    encode: (_, value) => encodeOffer(value),
    decode: (_, message) => decodeOffer(message),
  }),
  describeMessage({
    name: 'advertise',
    values: advertisements,
    sample: advertisement,
    encode: encodeAdvertise,
    decode: decodeAdvertise,
  }),
  describeMessage({
    name: 'roster',
    values: fc
      .record({
        parameters: fc.record({ n: fc.nat({ max: 20 }), degree: uint32, threshold: uint32 }),
        root: fixed(32),
        entries: fc.array(fc.record({ index: uint32, advertisement: advertisements }), { maxLength: 4 }),
        proof: fc.array(fixed(32), { maxLength: 4 }),
      })
      .chain((message) => fixed(32 * message.parameters.n).map((identities) => ({ ...message, identities }))),
    sample: {
      parameters: { n: 9, degree: 8, threshold: 5 },
      root: filled(32),
      identities: filled(32 * 9),
      entries: [{ index: 3, advertisement }],
      proof: [filled(32), filled(32)],
    },
    lengths: [
      { field: 'entries', offset: body + 12 + 32 + 32 * 9, width: 4, maximum: clients },
      { field: 'proof', offset: body + 12 + 32 + 32 * 9 + 4 + 4 + 232, width: 4, maximum: clients },
    ],
    encode: encodeRoster,
    decode: decodeRoster,
  }),
  describeMessage({
    name: 'share',
    values: fc.record({
      commitments: fc.array(fixed(32), { minLength: 1 + seeds, maxLength: 1 + seeds }),
      sealed: fc.array(sealed, { maxLength: 5 }),
    }),
    sample: { commitments: [filled(32), filled(32), filled(32)], sealed: [filled(sealedLength(seeds))] },
    lengths: [{ field: 'sealed', offset: body + 3 * 32, width: 4, maximum: clients }],
    encode: encodeShare,
    decode: (expected, message) => decodeShare(expected, message, seeds),
  }),
  describeMessage({
    name: 'delivery',
    values: fc.array(fc.record({ sender: uint32, sealed }), { maxLength: 5 }),
    sample: [{ sender: 3, sealed: filled(sealedLength(seeds)) }],
    lengths: [{ field: 'deliveries', offset: body, width: 4, maximum: clients }],
    encode: encodeDelivery,
    decode: (expected, message) => [...decodeDelivery(expected, message, seeds)],
  }),
  describeMessage({
    name: 'input',
    values: fc.record({ offset: uint32, data: fc.uint8Array({ maxLength: 200 }) }),
    sample: { offset: 65_536, data: filled(5) },
    lengths: [{ field: 'data', offset: body + 4, width: 4, maximum: 65_536 }],
    encode: encodeInput,
    decode: decodeInput,
  }),
  describeMessage({
    name: 'inputEnd',
    values: fixed(16),
    sample: filled(16),
    encode: encodeInputEnd,
    decode: decodeInputEnd,
  }),
  describeMessage({
    name: 'survivors',
    values: fc.uint8Array({ maxLength: 100 }),
    sample: filled(3),
    lengths: [{ field: 'bitmap', offset: body, width: 4, maximum: clients / 8 }],
    encode: encodeSurvivors,
    decode: decodeSurvivors,
  }),
  describeMessage({
    name: 'confirm',
    values: fixed(64),
    sample: filled(64),
    encode: encodeConfirm,
    decode: decodeConfirm,
  }),
  describeMessage({
    name: 'confirmations',
    values: fc.array(fc.record({ index: uint32, signature: fixed(64) }), { maxLength: 5 }),
    sample: [{ index: 2, signature: filled(64) }],
    lengths: [{ field: 'confirmations', offset: body, width: 4, maximum: clients }],
    encode: encodeConfirmations,
    decode: (expected, message) => [...decodeConfirmations(expected, message)],
  }),
  describeMessage({
    name: 'unmask',
    values: fc.array(
      fc.record({
        owner: uint32,
        kind: fc.constantFrom('nothing' as const, 'self-mask' as const, 'mask' as const),
        shares: fc.uint8Array({ maxLength: 17 * 32 }),
      }),
      { maxLength: 5 },
    ),
    sample: [{ owner: 2, kind: 'mask', shares: filled(32) }],
    lengths: [
      { field: 'reveals', offset: body, width: 4, maximum: clients },
      { field: 'shares', offset: body + 4 + 5, width: 2, maximum: 17 * 32 },
    ],
    encode: encodeUnmask,
    decode: (expected, message) => [...decodeUnmask(expected, message)],
  }),
  describeMessage({
    name: 'outcome',
    values: fc.record({ survived: fc.boolean(), survivors: uint32 }),
    sample: { survived: true, survivors: 12 },
    encode: encodeOutcome,
    decode: decodeOutcome,
  }),
  describeMessage({
    name: 'abort',
    values: fc
      .record({ code: fc.stringMatching(/^[a-z0-9.-]{1,64}$/), reason: text(0, 40) })
      .filter(({ reason }) => new TextEncoder().encode(reason).length <= 500),
    sample: { code: 'input.few', reason: 'too few' },
    lengths: [
      { field: 'code', offset: body, width: 2, maximum: 64 },
      { field: 'reason', offset: body + 2 + 9, width: 2, maximum: 500 },
    ],
    encode: encodeAbort,
    decode: decodeAbort,
  }),
];
