import { wipe } from '../../core/bytes.js';
import { InternalError, PeerError, UsageError } from '../../core/errors.js';
import { agreeAll } from '../../crypto/agreement.js';
import type { CryptoProvider } from '../../crypto/provider/provider.js';
import { pack } from '../../ring/pack.js';
import { asMasked, checkVector, type MaskedVector, type PlainVector, zeroVector } from '../../ring/vector.js';
import type { SessionContext } from '../context.js';
import { inputDigest } from '../input-digest.js';
import { limits } from '../limits.js';
import { pairwiseMask, selfMask, wipeStreams } from '../masking.js';
import { encodeInput } from '../messages/input.js';
import { encodeInputEnd } from '../messages/input-end.js';
import type { ClientRoster } from './roster.js';
import type { ClientSecrets } from './secrets.js';
import type { HeldShares } from './sharing.js';

export interface MaskInput {
  readonly context: SessionContext;
  readonly provider: CryptoProvider;
  readonly secrets: ClientSecrets;
  readonly roster: ClientRoster;
  readonly held: HeldShares;
}

/**
 * The input plus the self mask plus the signed pairwise mask of every neighbor that shared (phase *input*). Throws
 * `UsageError` (`input.shape`) for a vector of another length or ring than the context's.
 */
export async function maskInput(input: PlainVector, session: MaskInput): Promise<MaskedVector> {
  const { context, provider, secrets, roster, held } = session;
  const { bits, lanes } = checkVector('input', input);
  if (bits !== context.ringBits || lanes.length !== context.vectorLength)
    throw new UsageError(
      'input.shape',
      `the session sums ${context.vectorLength} values of ${context.ringBits} bits, the input has ${lanes.length} of ${bits}`,
    );
  const binding = { suite: context.suite, frozenHash: roster.frozenHash };
  const neighbors = roster.neighbors.filter(({ index }) => held.has(index));
  const shared = await agreeAll(
    provider,
    secrets.maskPrivateKey,
    neighbors.map(({ advertisement }) => advertisement.maskKey),
  );
  const streams = neighbors.map(({ index }, i) => {
    const secret = shared[i];
    if (secret === undefined) throw new PeerError('roster.key', `the mask key of neighbor ${index} has low order`);
    return pairwiseMask(binding, roster.index, index, secret);
  });
  streams.push(selfMask(binding, roster.index, secrets.selfMaskSeed, false));
  const masked = zeroVector(bits, lanes.length).lanes;
  masked.set(lanes);
  await provider.expander.accumulate(context.suite, masked, streams);
  wipeStreams(streams);
  for (const secret of shared) if (secret !== undefined) wipe(secret);
  return asMasked({ bits, lanes: masked });
}

export interface UploadOptions {
  readonly tag: Uint8Array;
  readonly provider: CryptoProvider;
  /** The identity's private key. */
  readonly privateKey: Uint8Array;
  readonly roster: ClientRoster;
  readonly held: HeldShares;
}

/** The messages that upload a masked input: its packed bytes in chunks, then a signature over them all. */
export async function inputMessages(masked: MaskedVector, options: UploadOptions): Promise<Iterable<Uint8Array>> {
  const { tag, provider, privateKey, roster, held } = options;
  const packed = pack(masked);
  const digest = inputDigest(provider, {
    frozenHash: roster.frozenHash,
    index: roster.index,
    maskedWith: [...held.keys()],
    packed,
  });
  const end = encodeInputEnd(tag, await provider.sign(privateKey, digest));
  return chunks(tag, packed, end);
}

function* chunks(tag: Uint8Array, packed: Uint8Array, end: Uint8Array): Generator<Uint8Array> {
  if (packed.length === 0) throw new InternalError('input.empty', 'a packed input has no bytes');
  for (let offset = 0; offset < packed.length; offset += limits.chunk)
    yield encodeInput(tag, { offset, data: packed.subarray(offset, offset + limits.chunk) });
  yield end;
}
