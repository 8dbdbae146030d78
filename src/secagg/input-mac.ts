import { concatBytes, equalBytes, wipe } from '../core/bytes.js';
import { agreeAll } from '../crypto/agreement.js';
import { deriveKey } from '../crypto/kdf.js';
import { labels, uint32 } from '../crypto/labels.js';
import type { CryptoProvider } from '../crypto/provider/provider.js';

/** Bytes of the code that ends an upload. */
export const macLength = 16;

/** Whose upload a key is for, and what it says of it. */
export interface InputBinding {
  readonly frozenHash: Uint8Array;
  /** Roster index of the client whose input it is. */
  readonly index: number;
  /** Roster indices of the neighbors it masked with, ascending: those whose sealed shares it was delivered. */
  readonly maskedWith: Iterable<number>;
}

/**
 * The key under which a client authenticates its masked input to the server, from their X25519 secret. It is bound to
 * the session, the client and the neighbors it masked with: a pairwise mask that only one side adds would stay in the
 * sum, so client and server must hold the same ones to have shared.
 *
 * A message authentication code is enough, where everything else that a client says is signed: only the server judges
 * an upload, neighbors never see it, and no third party is to be convinced of it later. This is the authenticated
 * channel between client and server of Bonawitz et al. (CCS 2017, section 6). Against a server that lies about an
 * upload neither would help: it makes the sum.
 */
function inputKey(secret: Uint8Array, { frozenHash, index, maskedWith }: InputBinding, sha256: Sha256): Uint8Array {
  const neighbors = sha256(concatBytes(...[...maskedWith].map(uint32)));
  return deriveKey({ secret, salt: frozenHash, label: labels.inputMac, info: [uint32(index), neighbors] });
}

type Sha256 = CryptoProvider['sha256'];

/** The keys of many uploads, in order; `undefined` where the other end's key is not canonical or has low order. */
export async function inputKeys(
  provider: CryptoProvider,
  privateKey: Uint8Array,
  uploads: readonly (InputBinding & { readonly publicKey: Uint8Array })[],
): Promise<readonly (Uint8Array | undefined)[]> {
  const secrets = await agreeAll(
    provider,
    privateKey,
    uploads.map(({ publicKey }) => publicKey),
  );
  return uploads.map((upload, i) => {
    const secret = secrets[i];
    if (secret === undefined) return undefined;
    const key = inputKey(secret, upload, provider.sha256);
    wipe(secret);
    return key;
  });
}

/**
 * The code over a whole packed input, 16 bytes: the tag of ChaCha20-Poly1305 (RFC 8439 section 2.8) over no plaintext,
 * the input being the associated data. A Poly1305 key serves once, and so does this one: a client makes one upload.
 */
export function inputMac(provider: CryptoProvider, key: Uint8Array, packed: Uint8Array): Uint8Array {
  return provider.seal({ key, associatedData: packed, data: new Uint8Array() });
}

/** Whether `mac` is the code over `packed`, in constant time. */
export function inputMacFits(
  provider: CryptoProvider,
  key: Uint8Array,
  { packed, mac }: { readonly packed: Uint8Array; readonly mac: Uint8Array },
): boolean {
  return equalBytes(inputMac(provider, key, packed), mac);
}
