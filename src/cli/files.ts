import { open, readFile, rm, writeFile } from 'node:fs/promises';
import { concatBytes, fromHex, toHex } from '../core/bytes.js';
import { UsageError } from '../core/errors.js';
import type { KeyPair } from '../secagg/index.js';

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : 'unknown';
}

function codeOf(cause: unknown): unknown {
  return cause instanceof Error && 'code' in cause ? cause.code : undefined;
}

/** Throws `UsageError` (`usage.file`). */
export async function readBytes(path: string): Promise<Uint8Array> {
  try {
    return new Uint8Array(await readFile(path));
  } catch (cause) {
    throw new UsageError('usage.file', `can't read ${path}: ${reasonOf(cause)}`, { cause });
  }
}

/** Writes a file that nobody else may read, and never over one that exists: it may be somebody's only key. */
export function writeSecret(path: string, bytes: Uint8Array): Promise<void> {
  return createFile(path, bytes, 0o600);
}

/** Writes a file that is new, or throws `UsageError` (`usage.file`) and leaves none behind. */
export async function createFile(path: string, content: Uint8Array | string, mode = 0o644): Promise<void> {
  try {
    const file = await open(path, 'wx', mode);
    try {
      await file.writeFile(content);
    } catch (error) {
      await rm(path);
      throw error;
    } finally {
      await file.close();
    }
  } catch (cause) {
    const reason =
      codeOf(cause) === 'EEXIST' ? 'it exists: choose another --out, or move that file away' : reasonOf(cause);
    throw new UsageError('usage.file', `can't create ${path}: ${reason}`, { cause });
  }
}

/**
 * Throws `UsageError` (`usage.file`) unless a file can be written at `path`: for what is written only once the work is
 * done, which would be lost. What is there stays as it is, and nothing is left where nothing was.
 */
export async function checkWritable(path: string): Promise<void> {
  try {
    const created = await open(path, 'wx').catch((error: unknown) => {
      if (codeOf(error) === 'EEXIST') return undefined;
      throw error;
    });
    await (created ?? (await open(path, 'a'))).close();
    if (created !== undefined) await rm(path);
  } catch (cause) {
    throw new UsageError('usage.file', `can't write ${path}: ${reasonOf(cause)}`, { cause });
  }
}

export async function writePublic(path: string, content: Uint8Array | string): Promise<void> {
  try {
    await writeFile(path, content);
  } catch (cause) {
    throw new UsageError('usage.file', `can't write ${path}: ${reasonOf(cause)}`, { cause });
  }
}

/** A public key file: 64 hexadecimal digits and a line break, to be compared by eye and pasted. */
export function publicKeyText(key: Uint8Array): string {
  return `${toHex(key)}\n`;
}

export async function readPublicKey(path: string): Promise<Uint8Array> {
  const text = publicKeyOf(await readBytes(path));
  if (text === undefined)
    throw new UsageError('usage.file', `${path} must hold a public key, as authority.pub does: 64 hexadecimal digits`);
  return fromHex(text);
}

function publicKeyOf(bytes: Uint8Array): string | undefined {
  const text = Buffer.from(bytes).toString('latin1').trim();
  return /^[0-9a-f]{64}$/.test(text) ? text : undefined;
}

/** An authority's key file: private key, then public key, 32 bytes each. */
export function keyPairBytes({ privateKey, publicKey }: KeyPair): Uint8Array {
  return concatBytes(privateKey, publicKey);
}

export async function readKeyPair(path: string): Promise<KeyPair> {
  const bytes = await readBytes(path);
  // Without a line break it has as many bytes as a pair.
  if (publicKeyOf(bytes) !== undefined)
    throw new UsageError(
      'usage.file',
      `${path} holds a public key: give the authority's key pair, which \`veilsum keys authority\` wrote as <path>.key`,
    );
  if (bytes.length !== 64)
    throw new UsageError('usage.file', `${path} must hold an authority's key pair, 64 bytes, got ${bytes.length}`);
  return { privateKey: bytes.slice(0, 32), publicKey: bytes.slice(32) };
}

/** Raw little-endian float32 values. */
export async function readFloats(path: string): Promise<Float32Array> {
  const bytes = await readBytes(path);
  if (bytes.length === 0 || bytes.length % 4 !== 0)
    throw new UsageError('usage.file', `${path} must hold float32 values, 4 bytes each, got ${bytes.length} bytes`);
  return new Float32Array(bytes.slice().buffer);
}

export function floatBytes(values: Float32Array): Uint8Array {
  return new Uint8Array(values.slice().buffer);
}
