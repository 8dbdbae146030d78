/** What a client must refuse of a server, but for rosters. */
import { concatBytes } from '#veilsum/core/bytes.js';
import { nodeProvider } from '#veilsum/crypto/provider/provider.node.js';
import { contextHash, encodeContext, frozenHash, type SessionContext } from '#veilsum/secagg/context.js';
import { encodeAbort } from '#veilsum/secagg/messages/abort.js';
import { type Confirmation, decodeConfirmations, encodeConfirmations } from '#veilsum/secagg/messages/confirmations.js';
import { decodeDelivery, encodeDelivery } from '#veilsum/secagg/messages/delivery.js';
import { encodeOutcome } from '#veilsum/secagg/messages/outcome.js';
import { decodeRoster } from '#veilsum/secagg/messages/roster.js';
import { decodeSurvivors, encodeSurvivors } from '#veilsum/secagg/messages/survivors.js';
import { confirmInput, Survivors } from '#veilsum/secagg/survivors.js';
import { bytesOf, identityOf, keyPairOf } from './deterministic.js';
import { tagOf } from './forge.js';
import { body, codecFaults, type Fault, flip } from './negative.js';
import { inbound, outbound } from './replays.js';
import { policyJson } from './sessions.js';
import { type Play, smallPolicy } from './stage.js';

/** A replayed client and what it was sent. */
export interface Base {
  readonly play: Play;
  readonly name: string;
  /** The replay's file. */
  readonly path: string;
}

/** Steps of a client's replay before it takes each message. */
const before = { roster: 1, delivery: 2, submit: 3, survivors: 4, confirmations: 5, outcome: 6, end: 7 } as const;

type Inbound = 'roster' | 'delivery' | 'survivors' | 'confirmations' | 'outcome';
const order: readonly Inbound[] = ['roster', 'delivery', 'survivors', 'confirmations', 'outcome'];
const phaseOf = {
  roster: 'share',
  delivery: 'input',
  survivors: 'confirm',
  confirmations: 'unmask',
  outcome: 'unmask',
} as const;

export function messagesOf({ play, name }: Base): Readonly<Record<Inbound, Uint8Array>> {
  const all = inbound(play, name);
  return Object.fromEntries(order.map((kind, i) => [kind, all[i] ?? new Uint8Array()])) as Record<Inbound, Uint8Array>;
}

function codec(base: Base): readonly Fault[] {
  const messages = messagesOf(base);
  const tag = tagOf(base.play.context);
  const counts = {
    roster: { at: body + 12 + 32 + 32 * base.play.parameters.n, width: 4 },
    delivery: { at: body, width: 4 },
    survivors: { at: body, width: 4 },
    confirmations: { at: body, width: 4 },
    outcome: undefined,
  } as const;
  const faults = order.flatMap((kind) =>
    codecFaults(
      messages[kind],
      { party: 'client', name: kind, base: base.path, after: before[kind], phase: phaseOf[kind] },
      counts[kind],
    ),
  );
  const abort = encodeAbort(tag, { code: 'input.few', reason: 'too few' });
  const common = { party: 'client', base: base.path, after: 1, phase: 'share' } as const;
  return [
    ...faults,
    ...codecFaults(abort, { ...common, name: 'abort' }, { at: body, width: 2 }),
    { ...common, name: 'an empty message', covers: ['wire-1', 'ws-1'], message: new Uint8Array(), code: 'codec.type' },
    { ...common, name: 'type 0', covers: ['wire-1'], message: Uint8Array.of(0, ...tag), code: 'codec.type' },
    { ...common, name: 'type 15', covers: ['wire-1'], message: Uint8Array.of(15, ...tag), code: 'codec.type' },
    {
      ...common,
      name: 'abort with an upper-case code',
      covers: ['wire-6'],
      message: flip(abort, body + 2, 0x20),
      code: 'codec.malformed',
    },
    {
      ...common,
      name: 'abort with an empty code',
      covers: ['wire-6'],
      message: concatBytes(Uint8Array.of(14), tag, Uint8Array.of(0, 0, 0, 0)),
      code: 'codec.malformed',
    },
    {
      ...common,
      name: 'abort whose reason is not UTF-8',
      covers: ['wire-5'],
      message: flip(abort, -1, 0x80),
      code: 'codec.malformed',
    },
    {
      ...common,
      name: 'outcome that neither survived nor not',
      covers: ['wire-6'],
      message: concatBytes(Uint8Array.of(13), tag, Uint8Array.of(2, 0, 0, 0, 4)),
      code: 'codec.malformed',
    },
  ];
}

/** Messages that the client's state has no place for. */
function outOfOrder(base: Base): readonly Fault[] {
  const messages = messagesOf(base);
  const unexpected: readonly (readonly [after: number, kind: Inbound, what: string])[] = [
    [1, 'delivery', 'delivery before the roster'],
    [1, 'survivors', 'survivors before the roster'],
    [1, 'confirmations', 'confirmations before the roster'],
    [2, 'roster', 'a second roster'],
    [2, 'survivors', 'survivors before the delivery'],
    [2, 'confirmations', 'confirmations before the delivery'],
    [3, 'roster', 'a roster after the delivery'],
    [3, 'delivery', 'a second delivery'],
    [3, 'survivors', 'survivors before the input'],
    [3, 'confirmations', 'confirmations before the input'],
    [4, 'roster', 'a roster after the input'],
    [4, 'delivery', 'a delivery after the input'],
    [4, 'confirmations', 'confirmations before the survivors'],
    [5, 'roster', 'a roster after confirming'],
    [5, 'delivery', 'a delivery after confirming'],
    [5, 'survivors', 'a second list of survivors'],
    [6, 'confirmations', 'a second request to unmask'],
    [6, 'survivors', 'survivors after unmasking'],
    [6, 'roster', 'a roster after unmasking'],
  ];
  const phases = ['advertise', 'share', 'input', 'input', 'confirm', 'unmask', 'unmask', 'unmask'] as const;
  const faults = unexpected.map(
    ([after, kind, name]): Fault => ({
      party: 'client',
      name,
      covers: kind === 'confirmations' && after >= 6 ? ['order-1', 'unmask-4'] : ['order-1'],
      base: base.path,
      after,
      message: messages[kind],
      phase: phases[after] ?? 'unmask',
      code: 'order.unexpected',
    }),
  );
  const reflected = ['advertise', 'share', 'input', 'confirm', 'unmask'].flatMap((phase) =>
    outbound(base.play, base.name, phase).map((message, i) => ({
      name: `its own ${phase} message${i ? ' end' : ''}`,
      message,
    })),
  );
  return [
    ...faults,
    ...reflected.map(
      ({ name, message }): Fault => ({
        party: 'client',
        name,
        covers: ['order-1'],
        base: base.path,
        after: 1,
        message,
        phase: 'share',
        code: 'order.unexpected',
      }),
    ),
  ];
}

function delivery(base: Base): readonly Fault[] {
  const { context, parameters } = base.play;
  const tag = tagOf(context);
  const honest = decodeDelivery(tag, messagesOf(base).delivery, context.releaseAt.length);
  const own = decodeRoster(tag, messagesOf(base).roster).entries.map(({ index }) => index);
  const self = own.find((index) => !honest.some(({ sender }) => sender === index)) ?? 0;
  const fault = (name: string, code: string, deliveries: typeof honest): Fault => ({
    party: 'client',
    name,
    covers: ['deliver-1'],
    base: base.path,
    after: before.delivery,
    message: encodeDelivery(tag, deliveries),
    phase: 'input',
    code,
  });
  const [first, second, ...rest] = honest;
  if (first === undefined || second === undefined) throw new Error('the base has too few neighbors');
  return [
    fault('delivery in another order', 'delivery.order', [second, first, ...rest]),
    fault('delivery with a sender twice', 'delivery.order', [first, first, second, ...rest]),
    fault(
      'delivery from itself',
      'delivery.order',
      [...honest, { ...first, sender: self }].sort((a, b) => a.sender - b.sender),
    ),
    fault('delivery from outside the roster', 'delivery.order', [...honest, { ...first, sender: parameters.n }]),
    fault('delivery of fewer than the threshold', 'delivery.few', honest.slice(0, parameters.threshold - 1)),
    fault('an empty delivery', 'delivery.few', []),
  ];
}

/** The frozen hash of a base, and the client's own index. */
function frozen(base: Base) {
  const { context } = base.play;
  const roster = decodeRoster(tagOf(context), messagesOf(base).roster);
  const mine = outbound(base.play, base.name, 'advertise')[0] ?? new Uint8Array();
  const own = roster.entries.find(({ advertisement }) =>
    advertisement.certificate.identityKey.every((byte, i) => byte === mine[body + i]),
  );
  return { hash: frozenHash(contextHash(context), roster.root, roster.parameters), own: own?.index ?? -1, roster };
}

function survivors(base: Base, dropped: Base): readonly Fault[] {
  const { context, parameters } = base.play;
  const { n } = parameters;
  const tag = tagOf(context);
  const { own } = frozen(base);
  const honest = decodeSurvivors(tag, messagesOf(base).survivors);
  const fault = (name: string, covers: string, code: string, bitmap: Uint8Array): Fault => ({
    party: 'client',
    name,
    covers: [covers],
    base: base.path,
    after: before.survivors,
    message: encodeSurvivors(tag, bitmap),
    phase: 'confirm',
    code,
  });
  const others = Array.from({ length: n }, (_, i) => i).filter((i) => i !== own);
  const few = Survivors.of(n, [own, ...others.slice(0, parameters.threshold - 1)]).bitmap;
  const everybody = Survivors.of(
    dropped.play.parameters.n,
    Array.from({ length: dropped.play.parameters.n }, (_, i) => i),
  ).bitmap;
  return [
    fault('survivors without bytes', 'confirm-1', 'survivors.form', new Uint8Array()),
    fault('survivors with a byte too many', 'confirm-1', 'survivors.form', Uint8Array.of(...honest, 0)),
    fault('survivors with a bit beyond the roster', 'confirm-1', 'survivors.form', flip(honest, -1, 0x80)),
    fault('survivors without the client', 'confirm-2', 'survivors.self', Survivors.of(n, others).bitmap),
    fault('nobody survives', 'confirm-2', 'survivors.self', new Uint8Array(honest.length)),
    fault('survivors with fewer neighbors than the threshold', 'confirm-5', 'survivors.neighbors', few),
    {
      ...fault('fewer survivors than the policy wants', 'confirm-3', 'survivors.few', honest),
      policy: policyJson({ ...smallPolicy, minSurvivors: n + 1 }),
    },
    {
      ...fault('a survivor that has not shared', 'confirm-4', 'survivors.unknown', everybody),
      base: dropped.path,
      message: encodeSurvivors(tagOf(dropped.play.context), everybody),
    },
  ];
}

async function confirmations(base: Base, dropped: Base): Promise<readonly Fault[]> {
  const { context, players } = base.play;
  const tag = tagOf(context);
  const { hash, own } = frozen(base);
  const honest = decodeConfirmations(tag, messagesOf(base).confirmations);
  const fault = (name: string, covers: string, code: string, given: readonly Confirmation[]): Fault => ({
    party: 'client',
    name,
    covers: [covers],
    base: base.path,
    after: before.confirmations,
    message: encodeConfirmations(tag, given),
    phase: 'unmask',
    code,
  });
  const [first, second, ...rest] = honest;
  if (first === undefined || second === undefined) throw new Error('the base has too few neighbors');
  const bitmap = decodeSurvivors(tag, messagesOf(base).survivors);
  const other = confirmInput(hash, new Survivors(base.play.parameters.n, flip(bitmap, 0, 1 << ((own + 1) % 4))));
  const signer = await signerAt(base, first.index);
  const onOther = { index: first.index, signature: await nodeProvider.sign(signer, other) };
  const unlabelled = { index: first.index, signature: await nodeProvider.sign(signer, bitmap) };
  const outsider = decodeRoster(tagOf(dropped.play.context), messagesOf(dropped).roster);
  const gone = Array.from({ length: outsider.parameters.n }, (_, i) => i).find(
    (i) =>
      !new Survivors(
        outsider.parameters.n,
        decodeSurvivors(tagOf(dropped.play.context), messagesOf(dropped).survivors),
      ).has(i),
  );
  const kept = decodeConfirmations(tagOf(dropped.play.context), messagesOf(dropped).confirmations);
  const withGone = [...kept, { index: gone ?? 0, signature: bytesOf('no signature', 64) }].sort(
    (a, b) => a.index - b.index,
  );
  return [
    fault('confirmations in another order', 'unmask-1', 'confirmations.order', [second, first, ...rest]),
    fault('a confirmation twice', 'unmask-1', 'confirmations.order', [first, first, second, ...rest]),
    fault(
      'a confirmation of itself',
      'unmask-1',
      'confirmations.order',
      [...honest, { ...first, index: own }].sort((a, b) => a.index - b.index),
    ),
    fault('a confirmation from outside the roster', 'unmask-1', 'confirmations.order', [
      ...honest,
      { ...first, index: players.length },
    ]),
    {
      ...fault('a confirmation of a dropout', 'unmask-1', 'confirmations.order', []),
      base: dropped.path,
      message: encodeConfirmations(tagOf(dropped.play.context), withGone),
    },
    fault('no confirmation', 'unmask-2', 'confirmations.few', []),
    fault('fewer confirmations than the threshold', 'unmask-2', 'confirmations.few', [first, second]),
    fault('a confirmation with a wrong signature', 'unmask-2', 'confirmations.few', [
      { ...first, signature: flip(first.signature, 3) },
      second,
      ...rest,
    ]),
    fault('a confirmation of other survivors', 'unmask-2', 'confirmations.few', [onOther, second, ...rest]),
    fault('a confirmation without its label', 'conv-1', 'confirmations.few', [unlabelled, second, ...rest]),
    fault("a neighbor's confirmation under another's index", 'unmask-2', 'confirmations.few', [
      { index: first.index, signature: second.signature },
      second,
      ...rest,
    ]),
  ];
}

async function signerAt(base: Base, index: number): Promise<Uint8Array> {
  const roster = decodeRoster(tagOf(base.play.context), messagesOf(base).roster);
  const key = roster.entries.find((entry) => entry.index === index)?.advertisement.certificate.identityKey;
  const player = base.play.players.find(({ identity }) =>
    identity.certificate.identityKey.every((byte, i) => byte === key?.[i]),
  );
  if (player === undefined) throw new Error(`nobody at ${index}`);
  return (await identityOf(player.name)).privateKey;
}

function outcome(base: Base): readonly Fault[] {
  const tag = tagOf(base.play.context);
  const survivors = base.play.result?.survivors.length ?? 0;
  const denied = ([before.confirmations, before.outcome] as const).flatMap((after) =>
    [
      { what: 'an outcome without it', message: encodeOutcome(tag, { survived: false, survivors }) },
      {
        what: 'an outcome of another number',
        message: encodeOutcome(tag, { survived: true, survivors: survivors + 1 }),
      },
    ].map(
      ({ what, message }): Fault => ({
        party: 'client',
        name: `${what}, after ${after} steps`,
        covers: ['unmask-10'],
        base: base.path,
        after,
        message,
        phase: 'unmask',
        code: 'outcome.survived',
      }),
    ),
  );
  const tooSoon = ([1, 2, 3] as const).map(
    (after): Fault => ({
      party: 'client',
      name: `an outcome that it survived, after ${after} steps`,
      covers: ['unmask-10'],
      base: base.path,
      after,
      message: encodeOutcome(tag, { survived: true, survivors: 4 }),
      phase: (['share', 'share', 'input', 'input'] as const)[after] ?? 'input',
      code: 'outcome.survived',
    }),
  );
  return [...tooSoon, ...denied];
}

/** Sessions that a client won't begin. */
async function offers(base: Base): Promise<readonly Fault[]> {
  const { context } = base.play;
  const other = (await keyPairOf('another authority')).publicKey;
  const fault = (name: string, covers: string, code: string, rest: Partial<Fault>): Fault => ({
    party: 'client',
    name,
    covers: [covers],
    base: base.path,
    after: 0,
    does: 'begin',
    phase: 'before',
    code,
    ...rest,
  });
  const changed = (changes: Partial<SessionContext>): Uint8Array => encodeContext({ ...context, ...changes });
  const malicious = { ...smallPolicy, assumptions: { ...smallPolicy.assumptions, threat: 'malicious' as const } };
  const bytes = encodeContext(context);
  const afterTask = 7 + context.task.length;
  return [
    fault('another authority than the pinned one', 'enrol-2', 'policy.authority', { authority: other }),
    fault('an authority of the server', 'enrol-2', 'policy.authority', { context: changed({ authority: other }) }),
    fault('a suite that the policy does not list', 'policy-1', 'policy.suite', {
      policy: policyJson({ ...smallPolicy, suites: [1] }),
      context: changed({ suite: 2 }),
    }),
    fault('a semi-honest session', 'policy-1', 'policy.threat', {
      policy: policyJson(malicious),
      context: changed({ threat: 'semi-honest' }),
    }),
    fault('version 0', 'ctx-1', 'context.version', { context: flip(bytes, 1) }),
    fault('version 2', 'ctx-1', 'context.version', { context: flip(bytes, 1, 3) }),
    fault('suite 3', 'ctx-1', 'context.suite', { context: flip(bytes, 3, 2) }),
    fault('threat 2', 'ctx-1', 'context.range', { context: flip(bytes, 4, 3) }),
    fault('a vector without values', 'ctx-1', 'context.range', { context: zeroed(bytes, afterTask + 4 + 96, 4) }),
    fault('a ring without bits', 'ctx-1', 'context.range', { context: zeroed(bytes, afterTask + 4 + 100, 1) }),
    fault('a ring of 33 bits', 'ctx-1', 'context.range', { context: changed({ ringBits: 33 }) }),
    fault('room for one client', 'ctx-1', 'context.range', { context: changed({ maxClients: 1 }) }),
    fault('room for more clients than there can be', 'ctx-1', 'context.range', {
      context: changed({ maxClients: 2 ** 20 + 1 }),
    }),
    fault('a server key of low order', 'key-2', 'context.range', {
      context: changed({ serverKey: new Uint8Array(32) }),
    }),
    fault('a server key that is not canonical', 'key-1', 'context.range', {
      context: changed({ serverKey: new Uint8Array(32).fill(255) }),
    }),
    fault('an application seed that is never released', 'ctx-1', 'context.range', {
      context: changed({ releaseAt: [2 ** 20 + 1] }),
    }),
    fault('a context cut by a byte', 'wire-2', 'codec.malformed', { context: bytes.slice(0, -1) }),
    fault('a context with a byte more', 'wire-2', 'codec.malformed', { context: Uint8Array.of(...bytes, 0) }),
    fault('a context without a task', 'ctx-1', 'context.range', {
      context: concatBytes(bytes.subarray(0, 5), Uint8Array.of(0, 0), bytes.subarray(afterTask)),
    }),
    fault('a task that is not UTF-8', 'wire-5', 'codec.malformed', { context: flip(bytes, 8, 0x80) }),
  ];
}

function zeroed(bytes: Uint8Array, at: number, length: number): Uint8Array {
  return bytes.slice().fill(0, at, at + length);
}

/** `complete`: everybody stays. `dropped`: one neighbor leaves at share, one at input, on the complete graph. */
export async function clientFaults(bases: {
  readonly complete: Base;
  readonly shareDropout: Base;
  readonly inputDropout: Base;
}): Promise<readonly Fault[]> {
  const { complete, shareDropout, inputDropout } = bases;
  return [
    ...(await offers(complete)),
    ...codec(complete),
    ...outOfOrder(complete),
    ...delivery(complete),
    ...survivors(complete, shareDropout),
    ...(await confirmations(complete, inputDropout)),
    ...outcome(complete),
  ];
}
