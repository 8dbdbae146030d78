import { defaultProvider } from '#provider';
import { concatBytes } from '../../core/bytes.js';
import { labelled, labels } from '../../crypto/labels.js';
import { advertiseInput } from '../../secagg/advertisement.js';
import { type Advertisement, decodeAdvertise, encodeAdvertise } from '../../secagg/messages/advertise.js';
import { seededRandom } from '../../simulation/random.js';
import { advertise, aliasedKey, zeroKey } from '../forge.js';
import { signWithoutNonce } from '../nonce.js';
import { keyPair, newIdentity } from '../world.js';
import { changed, firstBy, type ServerCase, twice } from './case.js';
import type { Upward } from './stage.js';

/** The point (0, 1), whose multiples are all itself. */
/** As a number, and as a point: the identity element. */
const one = Uint8Array.from({ length: 32 }, (_, i) => (i === 0 ? 1 : 0));
const smallOrderKey = one;
const basePoint = Uint8Array.from({ length: 32 }, (_, i) => (i === 0 ? 0x58 : 0x66));

function altered(change: (advertisement: Advertisement) => Advertisement): (at: Upward) => Uint8Array {
  return ({ message, stage: { world } }) => encodeAdvertise(world.tag, change(decodeAdvertise(world.tag, message)));
}

/** Other keys, properly signed. */
function resigned(keys: (at: Upward) => Partial<Advertisement>): (at: Upward) => Promise<Uint8Array> {
  return async (at) => {
    const { world } = at.stage;
    const own = decodeAdvertise(world.tag, at.message);
    return encodeAdvertise(world.tag, await advertise(at.seat.identity, world.contextHash, { ...own, ...keys(at) }));
  };
}

/** Under another certificate, properly signed. */
function enrolledBy(authority: (at: Upward) => Uint8Array, seconds = 3600): (at: Upward) => Promise<Uint8Array> {
  return async (at) => {
    const { world } = at.stage;
    const identity = await newIdentity(
      await keyPair(authority(at)),
      seededRandom('conformance', 'enrolled'),
      world.server.time + seconds,
    );
    const own = decodeAdvertise(world.tag, at.message);
    return encodeAdvertise(world.tag, await advertise(identity, world.contextHash, own));
  };
}

const second = 'client 1';

/** An identity key that the authority was fooled to certify, and anybody can sign for: R is the base point, S is 1. */
function anybody(key: Uint8Array): (at: Upward) => Promise<Uint8Array> {
  return async (at) => {
    const validUntil = Uint8Array.of(0, 0, 0, 1, 0, 0, 0, 0);
    const certificate = concatBytes(key, validUntil, await certify(at, key, validUntil));
    const keys = at.message.subarray(17 + certificate.length, 17 + certificate.length + 64);
    return concatBytes(at.message.subarray(0, 17), certificate, keys, basePoint, one);
  };
}

/** An advertisement whose R is the identity element, but not by its canonical bytes. */
function aliasedNonce({ seat, message, stage: { world } }: Upward): Uint8Array {
  const own = decodeAdvertise(world.tag, message);
  const signed = advertiseInput(world.contextHash, own.channelKey, own.maskKey);
  return encodeAdvertise(world.tag, {
    ...own,
    signature: signWithoutNonce(seat.identity.privateKey, signed, aliasedKey),
  });
}

/** The authority's signature on whatever it is given. */
function certify({ stage }: Upward, key: Uint8Array, validUntil: Uint8Array): Promise<Uint8Array> {
  const { privateKey } = stage.world.authority;
  return defaultProvider.sign(privateKey, labelled(labels.certificate, key, validUntil));
}

/** The first client's advertisement has come when the second's does. */
function takenFromFirst(pick: (first: Advertisement) => Partial<Advertisement>): NonNullable<ServerCase['up']> {
  let first: Advertisement | undefined;
  const forge = resigned(() => (first === undefined ? {} : pick(first)));
  return async (at) => {
    if (at.name !== 'advertise') return undefined;
    if (at.seat.name === 'client 0') first = decodeAdvertise(at.stage.world.tag, at.message);
    if (at.seat.name !== second || first === undefined) return undefined;
    return [{ message: await forge(at), refuse: ['advertise.duplicate'] }, { message: at.message }];
  };
}

/** What a server must not take in *advertise*; the honest advertisement that follows it must. */
export const advertiseFaults: readonly ServerCase[] = [
  {
    name: 'wire-1/unknown',
    title: 'a message of an unknown type',
    up: firstBy(
      second,
      'advertise',
      ['codec.type'],
      changed(0, () => 99),
    ),
  },
  {
    name: 'wire-1/empty',
    title: 'an empty message',
    up: firstBy(second, 'advertise', ['codec.type', 'codec.malformed'], () => new Uint8Array(0)),
  },
  {
    name: 'wire-2/left-over',
    title: 'an advertisement with a byte left over',
    up: firstBy(second, 'advertise', ['codec.malformed'], ({ message }) => concatBytes(message, new Uint8Array(1))),
  },
  {
    name: 'wire-2/cut',
    title: 'an advertisement that ends too soon',
    up: firstBy(second, 'advertise', ['codec.malformed'], ({ message }) => message.subarray(0, message.length - 1)),
  },
  {
    name: 'wire-3/other-session',
    title: 'an advertisement for another session',
    up: firstBy(
      second,
      'advertise',
      ['session.mismatch'],
      changed(1, (byte) => byte ^ 1),
    ),
  },
  {
    name: 'wire-4/huge-number',
    title: 'a certificate, properly signed, that is valid until 2^53',
    up: firstBy(second, 'advertise', ['codec.malformed'], async (at) => {
      const validUntil = Uint8Array.of(0, 0x20, 0, 0, 0, 0, 0, 0);
      const key = at.seat.identity.certificate.identityKey;
      const certificate = concatBytes(key, validUntil, await certify(at, key, validUntil));
      return concatBytes(at.message.subarray(0, 17), certificate, at.message.subarray(17 + certificate.length));
    }),
  },
  {
    name: 'adv-1/unenrolled',
    title: 'a certificate of another authority',
    up: firstBy(
      second,
      'advertise',
      ['advertise.certificate'],
      enrolledBy(() => new Uint8Array(32).fill(7)),
    ),
  },
  {
    name: 'adv-1/altered',
    title: 'a certificate that says something else than was signed',
    up: firstBy(
      second,
      'advertise',
      ['advertise.certificate'],
      altered((own) => ({ ...own, certificate: { ...own.certificate, validUntil: own.certificate.validUntil + 1 } })),
    ),
  },
  {
    name: 'adv-2/expired',
    title: 'a certificate that has expired',
    up: firstBy(
      second,
      'advertise',
      ['advertise.expired'],
      enrolledBy(({ stage }) => stage.world.authority.privateKey, -1),
    ),
  },
  {
    name: 'adv-3/low-order-channel',
    rules: ['key-2'],
    title: 'a channel key of low order',
    up: firstBy(
      second,
      'advertise',
      ['advertise.key'],
      resigned(() => ({ channelKey: zeroKey })),
    ),
  },
  {
    name: 'key-1/aliased-mask',
    rules: ['adv-3'],
    title: 'a mask key that is not canonical',
    up: firstBy(
      second,
      'advertise',
      ['advertise.key'],
      resigned(() => ({ maskKey: aliasedKey })),
    ),
  },
  {
    name: 'adv-4/swapped',
    title: 'a mask key that the client did not sign',
    up: firstBy(
      second,
      'advertise',
      ['advertise.signature'],
      altered((own) => ({ ...own, maskKey: own.maskKey.map((byte, i) => (i === 0 ? byte ^ 1 : byte)) })),
    ),
  },
  {
    name: 'adv-4/earlier-session',
    rules: ['conv-1'],
    title: 'an advertisement signed for another session',
    up: firstBy(second, 'advertise', ['advertise.signature'], async (at) => {
      const { world } = at.stage;
      const own = decodeAdvertise(world.tag, at.message);
      return encodeAdvertise(world.tag, await advertise(at.seat.identity, zeroKey, own));
    }),
  },
  {
    name: 'sig-2/small-order',
    rules: ['adv-4'],
    title: 'an identity key of small order, which the authority was fooled to certify: anybody can sign for it',
    up: firstBy(second, 'advertise', ['advertise.certificate', 'advertise.signature'], anybody(smallOrderKey)),
  },
  {
    name: 'sig-1/identity',
    rules: ['adv-4'],
    title: 'the same with an identity key that is not canonical: the y-coordinate is p + 1',
    up: firstBy(second, 'advertise', ['advertise.certificate', 'advertise.signature'], anybody(aliasedKey)),
  },
  {
    name: 'sig-1/nonce',
    rules: ['adv-4'],
    title: 'a signature whose R is not canonical',
    up: firstBy(second, 'advertise', ['advertise.signature'], aliasedNonce),
  },
  {
    name: 'adv-5/mask-key',
    title: "another client's mask key",
    up: takenFromFirst((first) => ({ maskKey: first.maskKey })),
  },
  {
    name: 'adv-5/other-place',
    title: "another client's mask key as a channel key",
    up: takenFromFirst((first) => ({ channelKey: first.maskKey })),
  },
  {
    name: 'adv-5/own-twice',
    title: 'one key in both places',
    up: firstBy(
      second,
      'advertise',
      ['advertise.duplicate'],
      resigned(({ message, stage }) => ({ maskKey: decodeAdvertise(stage.world.tag, message).channelKey })),
    ),
  },
  {
    name: 'adv-5/identity',
    title: 'one identity on two connections',
    elsewhere: true,
    up: ({ seat, name, message }) =>
      seat.name === second && name === 'advertise'
        ? [{ message }, { message, from: 'somebody else', refuse: ['advertise.duplicate'] }]
        : undefined,
  },
  {
    name: 'adv-6/repeated',
    title: 'a second advertisement of one client',
    up: twice(second, 'advertise'),
  },
  {
    name: 'adv-6/full',
    title: 'more clients than the ring has room for',
    world: { clients: 9, context: { maxClients: 8 } },
    outside: 1,
    up: ({ seat, name, message }) =>
      seat.name === 'client 8' && name === 'advertise' ? [{ message, refuse: ['advertise.full'] }] : undefined,
  },
  {
    name: 'order-2/share-first',
    title: 'a confirmation before there is a roster',
    up: firstBy(second, 'advertise', ['order.unexpected'], ({ message }) =>
      concatBytes(Uint8Array.of(10), message.subarray(1, 17), new Uint8Array(64)),
    ),
  },
  {
    name: 'order-2/late',
    rules: ['adv-7'],
    title: 'an advertisement of somebody else, enrolled and all, when the roster is frozen',
    elsewhere: true,
    up: async ({ seat, name, message, stage: { world } }) => {
      if (seat.name !== second || name !== 'share') return undefined;
      const random = seededRandom('conformance', 'late');
      const late = await newIdentity(world.authority, random, world.server.time + 3600);
      const channelKey = await defaultProvider.agreementPublicKey(random(32));
      const maskKey = await defaultProvider.agreementPublicKey(random(32));
      const advertisement = await advertise(late, world.contextHash, { channelKey, maskKey });
      return [
        { message: encodeAdvertise(world.tag, advertisement), from: 'somebody else', refuse: ['order.unexpected'] },
        { message },
      ];
    },
  },
];
