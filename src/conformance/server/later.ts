import { defaultProvider } from '#provider';
import { concatBytes, equalBytes } from '../../core/bytes.js';
import { deriveSecrets } from '../../secagg/client/secrets.js';
import { frozenHash } from '../../secagg/context.js';
import { inputKeys, inputMac } from '../../secagg/input-mac.js';
import { decodeInput, encodeInput } from '../../secagg/messages/input.js';
import { encodeInputEnd } from '../../secagg/messages/input-end.js';
import { decodeShare, encodeShare } from '../../secagg/messages/share.js';
import { decodeUnmask, encodeUnmask, type Reveal } from '../../secagg/messages/unmask.js';
import type { Phase } from '../../secagg/phase.js';
import { confirmInput, Survivors } from '../../secagg/survivors.js';
import { firstBy, type ServerCase, twice } from './case.js';
import type { ServerPlay, Upward } from './stage.js';

const second = 'client 1';

function vanish(phase: Phase, ...clients: readonly number[]): ReadonlyMap<string, Phase> {
  return new Map(clients.map((client) => [`client ${client}`, phase]));
}

function reveals(change: (reveals: readonly Reveal[], at: Upward) => readonly Reveal[]): (at: Upward) => Uint8Array {
  return (at) => {
    const { tag } = at.stage.world;
    return encodeUnmask(tag, change(decodeUnmask(tag, at.message), at));
  };
}

/** These clients reveal this instead of the truth, and the server must take it. */
function revealing(clients: readonly number[], change: (reveal: Reveal) => Reveal): NonNullable<ServerPlay['up']> {
  const forge = reveals((all) => all.map(change));
  return (at) =>
    at.name === 'unmask' && clients.some((client) => at.seat.name === `client ${client}`)
      ? [{ message: forge(at) }]
      : undefined;
}

function flippedFirstByte(bytes: Uint8Array): Uint8Array {
  return Uint8Array.from(bytes, (byte, i) => (i === 0 ? byte ^ 1 : byte));
}

/** An upload with another code than its own; after the refusal everything is sent again. */
function uploadAgain(
  code: (at: Upward, packed: Uint8Array) => Uint8Array | Promise<Uint8Array>,
): NonNullable<ServerPlay['up']> {
  let parts: Uint8Array[] = [];
  return async (at) => {
    const { tag } = at.stage.world;
    if (at.seat.name !== second) return undefined;
    if (at.name === 'input') parts = [...(decodeInput(tag, at.message).offset === 0 ? [] : parts), at.message];
    if (at.name !== 'inputEnd') return undefined;
    const packed = concatBytes(...parts.map((message) => decodeInput(tag, message).data));
    return [
      { message: encodeInputEnd(tag, await code(at, packed)), refuse: ['input.mac'] },
      ...parts.map((message) => ({ message })),
      { message: at.message },
    ];
  };
}

/** The code that a client would end these bytes with, if it had masked with all the others but so many. */
async function codeOf(
  name: string,
  { stage: { world, rosters } }: Upward,
  { packed, without = 0 }: { readonly packed: Uint8Array; readonly without?: number },
): Promise<Uint8Array> {
  const seat = world.seats.find((one) => one.name === name);
  const roster = rosters.get(name);
  if (seat === undefined || roster === undefined) throw new RangeError(`no roster of ${name}`);
  const own = seat.identity.certificate.identityKey;
  const index = roster.entries.find(({ advertisement }) =>
    equalBytes(advertisement.certificate.identityKey, own),
  )?.index;
  if (index === undefined) throw new RangeError(`${name} is not in its roster`);
  const { channelPrivateKey } = deriveSecrets(world.contextHash, seat.rand, world.context.releaseAt.length);
  const others = roster.entries.map((entry) => entry.index).filter((other) => other !== index);
  const [key] = await inputKeys(defaultProvider, channelPrivateKey, [
    {
      publicKey: world.context.serverKey,
      frozenHash: frozenHash(world.contextHash, roster.root, roster.parameters),
      index,
      maskedWith: others.slice(without),
    },
  ]);
  if (key === undefined) throw new RangeError('the server key has low order');
  return inputMac(defaultProvider, key, packed);
}

/** What a server must refuse, or must end a session at, after *advertise*. */
export const laterFaults: readonly ServerCase[] = [
  {
    name: 'share-3/count',
    title: 'a sealed share too few',
    up: firstBy(second, 'share', ['share.count', 'codec.malformed'], ({ message, stage: { world } }) => {
      const share = decodeShare(world.tag, message, 0);
      return encodeShare(world.tag, { ...share, sealed: share.sealed.slice(1) });
    }),
  },
  { name: 'share-3/repeated', title: 'shares that are sent twice', up: twice(second, 'share') },
  {
    name: 'share-3/stranger',
    title: 'shares of somebody who is not in the roster',
    elsewhere: true,
    up: ({ seat, name, message }) =>
      seat.name === second && name === 'share'
        ? [{ message, from: 'somebody else', refuse: ['order.stranger'] }, { message }]
        : undefined,
  },
  {
    name: 'share-4/few',
    title: 'so few that shared that a seed could not be reconstructed',
    vanishing: vanish('share', 1, 2, 3, 4),
    abort: ['share.few'],
  },
  {
    name: 'input-3/order',
    title: 'a chunk that does not continue the upload',
    up: firstBy(second, 'input', ['input.order'], ({ message, stage: { world } }) =>
      encodeInput(world.tag, { ...decodeInput(world.tag, message), offset: 1 }),
    ),
  },
  {
    name: 'input-3/empty',
    title: 'an empty chunk',
    up: firstBy(second, 'input', ['input.length', 'codec.malformed'], ({ stage: { world } }) =>
      encodeInput(world.tag, { offset: 0, data: new Uint8Array(0) }),
    ),
  },
  {
    name: 'input-3/long',
    title: 'more bytes than an input has',
    up: firstBy(second, 'input', ['input.length'], ({ message, stage: { world } }) =>
      encodeInput(world.tag, {
        offset: 0,
        data: concatBytes(decodeInput(world.tag, message).data, new Uint8Array(1)),
      }),
    ),
  },
  {
    name: 'input-4/not-whole',
    title: 'the end of an upload that never began',
    up: ({ seat, name, message, stage: { world } }) =>
      seat.name === second && name === 'input'
        ? [
            {
              message: concatBytes(Uint8Array.of(8), world.tag, new Uint8Array(16)),
              refuse: ['input.length'],
            },
            { message },
          ]
        : undefined,
  },
  {
    name: 'input-4/tag',
    title: 'a tag that does not fit; the upload may be sent again',
    up: uploadAgain(({ message }) => flippedFirstByte(message.subarray(-16))),
  },
  {
    name: 'input-2/other-client',
    rules: ['input-4'],
    title: "the code of another client over this one's bytes",
    up: uploadAgain((at, packed) => codeOf('client 0', at, { packed })),
  },
  {
    name: 'input-2/part',
    rules: ['input-4'],
    title: 'a code over all bytes but the last',
    up: uploadAgain((at, packed) => codeOf(second, at, { packed: packed.subarray(0, -1) })),
  },
  {
    name: 'input-2/neighbors',
    rules: ['input-4', 'input-1'],
    title: 'a code of a client that has masked with one neighbor less: its mask would stay in the sum',
    up: uploadAgain((at, packed) => codeOf(second, at, { packed, without: 1 })),
  },
  { name: 'input-5/repeated', title: 'a second input of one client', up: twice(second, 'inputEnd') },
  {
    name: 'input-5/stranger',
    title: 'an input of somebody who is not in the roster',
    elsewhere: true,
    up: ({ seat, name, message }) =>
      seat.name === second && name === 'input'
        ? [{ message, from: 'somebody else', refuse: ['order.stranger'] }, { message }]
        : undefined,
  },
  {
    name: 'input-6/few',
    title: 'fewer survivors than the threshold needs',
    vanishing: vanish('input', 1, 2, 3, 4),
    abort: ['input.few'],
  },
  {
    name: 'confirm-6/other-survivors',
    title: 'a signature over other survivors',
    up: firstBy(second, 'confirm', ['confirm.signature'], (at) => {
      const roster = at.stage.rosters.get(at.seat.name);
      if (roster === undefined) throw new RangeError('no roster');
      const { n } = roster.parameters;
      const frozen = frozenHash(at.stage.world.contextHash, roster.root, roster.parameters);
      return signedConfirm(at, confirmInput(frozen, Survivors.of(n, [0, 1, 2, 3, 4])));
    }),
  },
  { name: 'confirm-6/repeated', title: 'a second confirmation', up: twice(second, 'confirm') },
  {
    name: 'confirm-7/few',
    title: 'fewer confirmations than the threshold',
    vanishing: vanish('confirm', 1, 2, 3, 4),
    abort: ['confirm.few'],
  },
  {
    name: 'unmask-5/owners',
    title: 'reveals that leave out a neighbor',
    up: firstBy(
      second,
      'unmask',
      ['unmask.owners'],
      reveals((all) => all.slice(1)),
    ),
  },
  {
    name: 'unmask-5/kind',
    title: 'a share of the mask seed of a survivor',
    up: firstBy(
      second,
      'unmask',
      ['unmask.kind'],
      reveals((all) => all.map((one) => ({ ...one, kind: 'mask' }))),
    ),
  },
  {
    name: 'unmask-5/length',
    title: 'a share that is too short',
    up: firstBy(
      second,
      'unmask',
      ['unmask.length'],
      reveals((all) => all.map((one) => ({ ...one, shares: one.shares.subarray(1) }))),
    ),
  },
  { name: 'unmask-5/repeated', title: 'a second reveal', up: twice(second, 'unmask') },
  {
    name: 'unmask-6/few',
    title: 'fewer reveals than the threshold',
    vanishing: vanish('unmask', 1, 2, 3, 4),
    abort: ['unmask.few'],
  },
  {
    name: 'unmask-7/wrong-share',
    title: 'a wrong seed share: the sum is right all the same, and the cheater is named',
    up: revealing([1], (reveal) => ({ ...reveal, shares: flippedFirstByte(reveal.shares) })),
    cheaters: ['client 1'],
  },
  {
    name: 'unmask-7/too-many-wrong',
    title: 'more wrong shares than can be corrected',
    up: revealing([1, 2, 3], (reveal) => ({ ...reveal, shares: flippedFirstByte(reveal.shares) })),
    abort: ['unmask.undecodable'],
  },
  {
    name: 'unmask-8/commitment',
    title: 'a dealer whose self-mask seed is not the one it committed to',
    up: ({ seat, name, message, stage: { world } }) => {
      if (seat.name !== second || name !== 'share') return undefined;
      const share = decodeShare(world.tag, message, 0);
      return [{ message: encodeShare(world.tag, { ...share, commitments: share.commitments.map(flippedFirstByte) }) }];
    },
    abort: ['unmask.undecodable'],
  },
];

async function signedConfirm({ seat, stage }: Upward, input: Uint8Array): Promise<Uint8Array> {
  return concatBytes(Uint8Array.of(10), stage.world.tag, await defaultProvider.sign(seat.identity.privateKey, input));
}
