/**
 * A malicious server that shows one client a roster of its own making and reads its input by what the neighbors know.
 */
import { concatBytes } from '../../src/core/bytes.js';
import { agreeAll } from '../../src/crypto/agreement.js';
import type { HeldShare } from '../../src/crypto/shamir/index.js';
import { advertiseInput } from '../../src/secagg/advertisement.js';
import { contextHash, frozenHash, tagLength } from '../../src/secagg/context.js';
import { createIdentity, type Identity, type KeyPair } from '../../src/secagg/identity.js';
import { type Advertisement, decodeAdvertise } from '../../src/secagg/messages/advertise.js';
import { encodeDelivery } from '../../src/secagg/messages/delivery.js';
import { encodeRoster, type RosterMessage } from '../../src/secagg/messages/roster.js';
import { decodeShare, sealedLength } from '../../src/secagg/messages/share.js';
import type { SessionParameters } from '../../src/secagg/parameters.js';
import { byIdentityKey, rosterGraph, rosterProofs } from '../../src/secagg/roster.js';
import { maskPrivateKey } from '../../src/secagg/seeds.js';
import { seededBytes, testProvider } from './provider.js';
import { codeOf, type Seat, validUntil } from './session.js';
import { openSealed, recovered, strip, stripWithSeeds, uploaded } from './thief.js';

/** A member of a roster whose X25519 secrets the server knows: it colludes, or the server made it up. */
export interface Spy {
  readonly advertisement: Advertisement;
  readonly secretWith: (kind: 'channel' | 'mask', publicKey: Uint8Array) => Promise<Uint8Array>;
}

export interface SpyOptions {
  readonly name: string;
  readonly context: Uint8Array;
  readonly identity: Identity;
  /** Instead of what the identity would sign and advertise. */
  readonly alter?: (advertisement: Advertisement) => Advertisement;
}

const provider = testProvider('spies');

/** An identity that `authority` enrolled, its private key known to the server. */
export function enrolSpy(authority: KeyPair, name: string, until = validUntil): Promise<Identity> {
  return createIdentity({ authority, validUntil: until, provider: testProvider(`spy ${name}`) });
}

export async function signAdvertisement(
  identity: Identity,
  context: Uint8Array,
  keys: Pick<Advertisement, 'channelKey' | 'maskKey'>,
): Promise<Advertisement> {
  const input = advertiseInput(context, keys.channelKey, keys.maskKey);
  return {
    certificate: identity.certificate,
    ...keys,
    signature: await provider.sign(identity.privateKey, input),
  };
}

export async function makeSpy({ name, context, identity, alter }: SpyOptions): Promise<Spy> {
  const random = seededBytes(`spy ${name}`);
  const channel = random(32);
  const mask = maskPrivateKey(context, random(32));
  const keys = {
    channelKey: await provider.agreementPublicKey(channel),
    maskKey: await provider.agreementPublicKey(mask),
  };
  const signed = await signAdvertisement(identity, context, keys);
  return {
    advertisement: alter === undefined ? signed : alter(signed),
    secretWith: async (kind, publicKey) => {
      const [secret] = await agreeAll(provider, kind === 'mask' ? mask : channel, [publicKey]);
      return secret ?? new Uint8Array(32);
    },
  };
}

export interface SurroundOptions {
  readonly victim: Seat;
  readonly spies: readonly Spy[];
  /** The roster beside the victim; the spies and `others`, unless given. */
  readonly members?: readonly Advertisement[];
  /** Honest members that only fill the roster. */
  readonly others?: readonly Advertisement[];
  readonly parameters: SessionParameters;
  /** Which members the victim is shown as its neighbors: those of the graph, unless given. */
  readonly choose?: (members: readonly Advertisement[], own: number) => readonly number[];
  /** What the victim is shown instead of a true roster message. */
  readonly alter?: (message: RosterMessage) => RosterMessage;
}

export interface Surrounded {
  /** The victim's error code, if it refused. */
  readonly refused?: string;
  /** The victim's input as the server reads it, if it can. */
  readonly stolen?: readonly number[];
}

/** A roster over these members, with the message that shows some of them. */
export function forgeRoster(advertisements: readonly Advertisement[], parameters: SessionParameters) {
  const members = [...advertisements].sort(byIdentityKey);
  const { tree, identities, root } = rosterProofs(members);
  const message = (indices: readonly number[]): RosterMessage => ({
    parameters,
    root,
    identities,
    entries: indices.flatMap((index) => {
      const advertisement = members[index];
      return advertisement === undefined ? [] : [{ index, advertisement }];
    }),
    proof: tree.prove(indices),
  });
  return { members, root, message };
}

/**
 * A list of n identity keys that ascends and has the entries' own at their places, as a lying server would invent it.
 */
export function identitiesAround(n: number, entries: RosterMessage['entries']): Uint8Array {
  const at = new Map(entries.map(({ index, advertisement }) => [index, advertisement.certificate.identityKey]));
  let key: Uint8Array = new Uint8Array(32);
  return concatBytes(
    ...Array.from({ length: n }, (_, index) => {
      key = at.get(index) ?? key.map((byte, i) => (i === 31 ? byte + 1 : byte));
      return key;
    }),
  );
}

export async function surround(options: SurroundOptions): Promise<Surrounded> {
  const { victim, spies, others = [], parameters, alter } = options;
  const { client, input } = victim;
  const hash = contextHash(client.context);
  const tag = hash.subarray(0, tagLength);
  const own = decodeAdvertise(tag, await client.start());
  const members = options.members ?? [...spies.map(({ advertisement }) => advertisement), ...others];
  const forged = forgeRoster([own, ...members], parameters);
  const index = forged.members.indexOf(own);
  const neighbors = options.choose?.(forged.members, index) ?? [
    ...rosterGraph(forged.root, parameters).neighborsOf(index),
  ];
  const honestMessage = forged.message([...neighbors, index].sort((a, b) => a - b));
  const message = alter?.(honestMessage) ?? honestMessage;
  try {
    const step = await client.receive(encodeRoster(tag, message));
    if (step.kind !== 'send') return { refused: step.kind };
    const { sealed } = decodeShare(tag, step.message, 0);
    // What the victim is sealed in return is of no interest to the server.
    const empty = new Uint8Array(sealedLength(0));
    const shown = message.entries.filter((entry) => entry.advertisement !== own);
    await client.receive(
      encodeDelivery(
        tag,
        shown.map((entry) => ({ sender: entry.index, sealed: empty })),
      ),
    );
    const packed = uploaded(hash, await client.submit(input));
    const frozen = frozenHash(hash, message.root, message.parameters);
    const victimIndex = message.entries.find((entry) => entry.advertisement === own)?.index ?? -1;
    const shares: HeldShare[] = [];
    const secrets: (Uint8Array | undefined)[] = [];
    for (const [i, entry] of shown.entries()) {
      const spy = spies.find(({ advertisement }) => advertisement === entry.advertisement);
      secrets.push(await spy?.secretWith('mask', own.maskKey));
      const share = openSealed({
        secret: (await spy?.secretWith('channel', own.channelKey)) ?? new Uint8Array(32),
        frozenHash: frozen,
        from: victimIndex,
        to: entry.index,
        sealed: sealed[i] ?? new Uint8Array(),
      });
      if (share !== undefined) shares.push({ holder: i + 1, share });
    }
    const seeds = recovered(shares, message.parameters.threshold);
    if (seeds === undefined) return {};
    const loot = {
      context: client.context,
      contextHash: hash,
      frozenHash: frozen,
      victim: victimIndex,
      neighbors: shown.map((entry) => ({ index: entry.index, maskKey: entry.advertisement.maskKey })),
      packed,
    };
    const [maskSeed, selfMaskSeed] = [seeds.subarray(0, 32), seeds.subarray(32, 64)];
    const known = secrets.filter((secret) => secret !== undefined);
    // Neighbors that all collude tell their side of the masks; otherwise the victim's own seed does.
    return {
      stolen:
        known.length === shown.length
          ? await strip(loot, { selfMaskSeed, secrets: known })
          : await stripWithSeeds(loot, maskSeed, selfMaskSeed),
    };
  } catch (error) {
    return { refused: codeOf(error) };
  }
}
