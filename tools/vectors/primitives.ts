/** Functions with their inputs and outputs. */
import { signWithoutNonce } from '#veilsum/conformance/nonce.js';
import { concatBytes } from '#veilsum/core/bytes.js';
import { agreeAll } from '#veilsum/crypto/agreement.js';
import { deriveKey, labelledHash } from '#veilsum/crypto/kdf.js';
import { type Label, labelled, labels, uint32 } from '#veilsum/crypto/labels.js';
import { nodeProvider } from '#veilsum/crypto/provider/provider.node.js';
import { recoverSecret, splitSecret } from '#veilsum/crypto/shamir/index.js';
import { verifyAll } from '#veilsum/crypto/signature.js';
import { prgSizes, type SuiteId } from '#veilsum/crypto/suite.js';
import { zeroVector } from '#veilsum/ring/vector.js';
import { deriveSecrets, expandSeed } from '#veilsum/secagg/client/secrets.js';
import { bytesOf, keyPairOf } from './deterministic.js';
import { hex, type Json, type VectorFile } from './files.js';
import { aliasedKeys, lowOrderKeys, malleated } from './negative-roster.js';

export interface Case {
  readonly name: string;
  readonly input: Json;
  readonly output: Json;
}

export function file(name: string, covers: readonly string[], cases: readonly Case[]): VectorFile {
  return {
    path: `primitives/${name}.json`,
    content: { kind: 'primitives', name, covers, cases: cases as unknown as Json },
  };
}

function labelCases(): readonly Case[] {
  return Object.values(labels).map((label: Label) => ({
    name: label,
    input: { label, parts: [hex(bytesOf(label, 32)), hex(uint32(7))] },
    output: {
      labelled: hex(labelled(label, bytesOf(label, 32), uint32(7))),
      hash: hex(labelledHash(label, bytesOf(label, 32), uint32(7))),
    },
  }));
}

function kdfCases(): readonly Case[] {
  const lengths = [32, 44, 64];
  return lengths.flatMap((length) =>
    [labels.pairwiseMask, labels.channel].map((label) => {
      const [secret, salt] = [bytesOf(`${label} secret`, 32), bytesOf(`${label} salt`, 32)];
      const info = [uint32(1), uint32(258)];
      return {
        name: `${label}, ${length} bytes`,
        input: { secret: hex(secret), salt: hex(salt), label, parts: info.map(hex), length },
        output: hex(deriveKey({ secret, salt, label, info, length })),
      };
    }),
  );
}

function randCases(): readonly Case[] {
  return [0, 1, 3].map((applicationSeeds) => {
    const [contextHash, rand] = [bytesOf('a context hash', 32), bytesOf(`rand of ${applicationSeeds}`, 192)];
    const { applicationSeeds: seeds, ...single } = deriveSecrets(contextHash, rand, applicationSeeds);
    return {
      name: `${applicationSeeds} application seeds`,
      input: { contextHash: hex(contextHash), rand: hex(rand), applicationSeeds },
      output: {
        ...Object.fromEntries(Object.entries(single).map(([name, bytes]) => [name, hex(bytes)])),
        applicationSeeds: seeds.map(hex),
      },
    };
  });
}

async function streamCases(): Promise<readonly Case[]> {
  return Promise.all(
    [labels.coefficients, labels.rounding].map(async (label) => {
      const [seed, salt] = [bytesOf(`${label} seed`, 32), bytesOf(`${label} salt`, 32)];
      const stream = new Uint8Array(200);
      await expandSeed(nodeProvider, { seed, salt, label }, stream);
      return { name: label, input: { seed: hex(seed), salt: hex(salt), label, length: 200 }, output: hex(stream) };
    }),
  );
}

/** Masks in each lane, added and subtracted. */
async function prgCases(): Promise<readonly Case[]> {
  const cases: Promise<Case>[] = [];
  for (const suite of [1, 2] as readonly SuiteId[])
    for (const bits of [1, 8, 9, 16, 17, 32])
      for (const subtract of [false, true]) cases.push(prgCase(suite, bits, subtract));
  return Promise.all(cases);
}

async function prgCase(suite: SuiteId, bits: number, subtract: boolean): Promise<Case> {
  const sizes = prgSizes[suite];
  const [key, nonce] = [bytesOf(`prg key ${suite}`, sizes.key), bytesOf(`prg nonce ${suite}`, sizes.nonce)];
  const { lanes } = zeroVector(bits, 37);
  await nodeProvider.expander.accumulate(suite, lanes, [{ key, nonce, subtract }]);
  return {
    name: `suite ${suite}, ${bits} bits, ${subtract ? 'subtracted' : 'added'}`,
    input: { suite, bits, key: hex(key), nonce: hex(nonce), subtract, length: 37 },
    output: Array.from(lanes, (value) => value % 2 ** bits),
  };
}

/** A counter block whose low bits wrap within the mask. */
async function counterCase(): Promise<Case> {
  const key = bytesOf('counter key', 16);
  const nonce = new Uint8Array(16).fill(0xff);
  const { lanes } = zeroVector(8, 48);
  await nodeProvider.expander.accumulate(2, lanes, [{ key, nonce, subtract: false }]);
  return {
    name: 'suite 2, a counter that wraps',
    input: { suite: 2, bits: 8, key: hex(key), nonce: hex(nonce), subtract: false, length: 48 },
    output: [...lanes],
  };
}

function split(name: string, length: number, threshold: number, holders: number) {
  const secret = bytesOf(`${name} secret`, length);
  const coefficients = bytesOf(`${name} coefficients`, (threshold - 1) * length);
  return { secret, coefficients, shares: splitSecret(secret, { threshold, holders, coefficients }) };
}

function shamirCases(): readonly Case[] {
  const shapes: readonly (readonly [number, number, number])[] = [
    [2, 1, 3],
    [2, 2, 2],
    [64, 3, 5],
    [96, 4, 9],
    [64, 20, 40],
  ];
  return shapes.map(([length, threshold, holders]) => {
    const { secret, coefficients, shares } = split(
      `shamir ${length} ${threshold} ${holders}`,
      length,
      threshold,
      holders,
    );
    return {
      name: `${threshold} of ${holders}, ${length} bytes`,
      input: { secret: hex(secret), threshold, holders, coefficients: hex(coefficients) },
      output: shares.map(hex),
    };
  });
}

/** Which shares are there, and which of them are wrong, and how. */
function correctionCases(): readonly Case[] {
  const shapes: readonly {
    readonly t: number;
    readonly there: readonly number[];
    readonly wrong: readonly number[];
  }[] = [
    { t: 3, there: [1, 2, 3], wrong: [] },
    { t: 3, there: [2, 5, 7, 8, 9], wrong: [5] },
    { t: 3, there: [1, 3, 4, 5, 6, 8, 10], wrong: [1, 10] },
    { t: 5, there: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], wrong: [2, 7, 11] },
    { t: 1, there: [4, 9, 12], wrong: [9] },
    { t: 3, there: [1, 2, 3, 4], wrong: [2] },
    { t: 3, there: [1, 2, 3, 4, 5, 6], wrong: [2, 3] },
  ];
  return shapes.map(({ t, there, wrong }) => {
    const { secret, shares } = split(`correction ${t} ${there.length}`, 32, t, 12);
    const given = there.map((holder) => {
      const share = (shares[holder - 1] ?? new Uint8Array()).slice();
      // Wrong in different symbols, so that no column alone tells them all.
      if (wrong.includes(holder))
        for (let i = holder; i < share.length; i += 3) share[i] = (share[i] ?? 0) ^ (holder + i);
      return { holder, share };
    });
    const correctable = wrong.length <= Math.floor((there.length - t) / 2);
    const output = correctable ? { secret: hex(recoverSecret(given, t).secret), wrong } : { undecodable: true };
    if (correctable && hex(secret) !== (output as { secret: string }).secret) throw new Error('recovery is off');
    return {
      name: `threshold ${t}, ${there.length} shares, ${wrong.length} wrong`,
      input: { threshold: t, shares: given.map(({ holder, share }) => ({ holder, share: hex(share) })) },
      output,
    };
  });
}

async function signatureCases(): Promise<readonly Case[]> {
  const { privateKey, publicKey } = await keyPairOf('a signer');
  const message = bytesOf('a message', 40);
  const signature = await nodeProvider.sign(privateKey, message);
  const zero = new Uint8Array(32);
  const smallOrder = concatBytes(Uint8Array.of(1), new Uint8Array(31));
  const badR = signature.slice();
  badR.set(aliasedKeys['p + 9'] ?? zero, 0);
  const checks: readonly (readonly [string, Uint8Array, Uint8Array])[] = [
    ['good', publicKey, signature],
    ['S above L', publicKey, malleated(signature)],
    ['R not canonical', publicKey, badR],
    ['a key that is not canonical', aliasedKeys['p + 9'] ?? zero, signature],
    ['a key of small order, which fits every message', smallOrder, concatBytes(smallOrder, zero)],
    [
      'a key of small order with its sign bit set',
      concatBytes(Uint8Array.of(1), new Uint8Array(30), Uint8Array.of(0x80)),
      concatBytes(smallOrder, zero),
    ],
    ['R of small order', publicKey, signWithoutNonce(privateKey, message, smallOrder)],
    ['another key', (await keyPairOf('another signer')).publicKey, signature],
    ['all zero', publicKey, new Uint8Array(64)],
  ];
  return Promise.all(
    checks.map(async ([name, key, given]) => {
      const [valid = false] = await verifyAll(nodeProvider, [{ publicKey: key, message, signature: given }]);
      return {
        name,
        input: { publicKey: hex(key), message: hex(message), signature: hex(given) },
        output: valid,
      };
    }),
  );
}

async function agreementCases(): Promise<readonly Case[]> {
  const privateKey = bytesOf('an agreement key', 32);
  const other = await nodeProvider.agreementPublicKey(bytesOf('another agreement key', 32));
  const keys: readonly (readonly [string, Uint8Array])[] = [
    ['good', other],
    ...lowOrderKeys.map((key, i) => [`low order, ${i}`, key] as const),
    ...Object.entries(aliasedKeys),
  ];
  const secrets = await agreeAll(
    nodeProvider,
    privateKey,
    keys.map(([, key]) => key),
  );
  return keys.map(([name, key], i) => ({
    name,
    input: { privateKey: hex(privateKey), publicKey: hex(key) },
    output: secrets[i] === undefined ? null : hex(secrets[i]),
  }));
}

function sealCases(): readonly Case[] {
  return [0, 1, 64, 160].map((length) => {
    const [key, associatedData, data] = [bytesOf('seal key', 32), bytesOf('seal ad', 40), bytesOf('sealed', length)];
    return {
      name: `${length} bytes`,
      input: { key: hex(key), associatedData: hex(associatedData), plaintext: hex(data) },
      output: hex(nodeProvider.seal({ key, associatedData, data })),
    };
  });
}

export async function cryptoFiles(): Promise<readonly VectorFile[]> {
  return [
    file('labels', ['conv-1'], labelCases()),
    file('kdf', ['conv-1'], kdfCases()),
    file('rand', ['rand-1'], randCases()),
    file('stream', ['rand-1'], await streamCases()),
    file('agreement', ['key-1', 'key-2'], await agreementCases()),
    file('signatures', ['sig-1', 'sig-2', 'sig-3'], await signatureCases()),
    file('seal', ['share-2'], sealCases()),
    file('masks', ['input-1'], [...(await prgCases()), await counterCase()]),
    file('shamir', ['share-1'], shamirCases()),
    file('shamir-correction', ['unmask-7'], correctionCases()),
  ];
}
