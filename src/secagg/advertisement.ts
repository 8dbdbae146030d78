import { lookupKey } from '../core/bytes.js';
import { PeerError } from '../core/errors.js';
import { isCanonicalAgreementKey } from '../crypto/agreement.js';
import { labelled, labels } from '../crypto/labels.js';
import type { CryptoProvider, SignatureCheck } from '../crypto/provider/provider.js';
import { verifyAll } from '../crypto/signature.js';
import { certificateCheck, type Identity } from './identity.js';
import type { Advertisement } from './messages/advertise.js';

/** What a client signs in *advertise*. */
export function advertiseInput(contextHash: Uint8Array, channelKey: Uint8Array, maskKey: Uint8Array): Uint8Array {
  return labelled(labels.advertise, contextHash, channelKey, maskKey);
}

/** A client's advertisement: the public keys of its session, signed by its identity. */
export async function advertise(
  provider: CryptoProvider,
  { certificate, privateKey }: Identity,
  session: {
    readonly contextHash: Uint8Array;
    readonly channelPrivateKey: Uint8Array;
    readonly maskPrivateKey: Uint8Array;
  },
): Promise<Advertisement> {
  const channelKey = await provider.agreementPublicKey(session.channelPrivateKey);
  const maskKey = await provider.agreementPublicKey(session.maskPrivateKey);
  const signature = await provider.sign(privateKey, advertiseInput(session.contextHash, channelKey, maskKey));
  return { certificate, channelKey, maskKey, signature };
}

export interface AdvertisementChecks {
  readonly authority: Uint8Array;
  readonly contextHash: Uint8Array;
  /** Unix time in seconds. */
  readonly time: number;
}

/** An advertisement that failed, and how. */
export interface AdvertisementFault {
  readonly position: number;
  readonly code: 'advertise.expired' | 'advertise.key' | 'advertise.certificate' | 'advertise.signature';
  readonly message: string;
}

/**
 * The first fault among advertisements, or `undefined`: each needs a certificate of the pinned authority that is still
 * good, canonical keys, and the identity key's signature over the session's context. Low order is for agreement to
 * find.
 */
export async function findFault(
  provider: CryptoProvider,
  advertisements: readonly Advertisement[],
  { authority, contextHash, time }: AdvertisementChecks,
): Promise<AdvertisementFault | undefined> {
  for (const [position, { certificate, channelKey, maskKey }] of advertisements.entries()) {
    if (certificate.validUntil < time)
      return { position, code: 'advertise.expired', message: 'the certificate has expired' };
    if (!isCanonicalAgreementKey(channelKey) || !isCanonicalAgreementKey(maskKey))
      return { position, code: 'advertise.key', message: 'an X25519 key is not canonical' };
  }
  const checks = advertisements.flatMap((advertisement): readonly SignatureCheck[] => {
    const { certificate, channelKey, maskKey, signature } = advertisement;
    const message = advertiseInput(contextHash, channelKey, maskKey);
    return [certificateCheck(authority, certificate), { publicKey: certificate.identityKey, message, signature }];
  });
  const failed = (await verifyAll(provider, checks)).indexOf(false);
  if (failed < 0) return undefined;
  const position = failed >>> 1;
  return failed % 2 === 0
    ? { position, code: 'advertise.certificate', message: "the certificate is not the pinned authority's" }
    : { position, code: 'advertise.signature', message: 'the signature does not fit this session and these keys' };
}

/**
 * Adds the keys of an advertisement to `keys`, as `lookupKey` gives them; throws `PeerError` (`advertise.duplicate`) if
 * one is there already.
 */
export function addDistinct(keys: Set<string>, advertisement: Advertisement): void {
  const { certificate, channelKey, maskKey } = advertisement;
  const [identity, channel, mask] = [lookupKey(certificate.identityKey), lookupKey(channelKey), lookupKey(maskKey)];
  const twice = identity === channel || channel === mask || mask === identity;
  if (twice || keys.has(identity) || keys.has(channel) || keys.has(mask))
    throw new PeerError('advertise.duplicate', 'an identity or a key stands twice in the roster');
  keys.add(identity).add(channel).add(mask);
}
