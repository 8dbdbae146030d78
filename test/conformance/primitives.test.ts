import { describe, expect, it } from 'vitest';
import { agreeAll } from '../../src/crypto/agreement.js';
import { deriveKey, labelledHash } from '../../src/crypto/kdf.js';
import { type Label, labelled, labels } from '../../src/crypto/labels.js';
import { leafHash, MerkleTree, rootFromProof } from '../../src/crypto/merkle.js';
import { nobleProvider } from '../../src/crypto/provider/noble.js';
import type { CryptoProvider } from '../../src/crypto/provider/provider.js';
import { nodeProvider } from '../../src/crypto/provider/provider.node.js';
import { recoverSecret, splitSecret } from '../../src/crypto/shamir/index.js';
import { verifyAll } from '../../src/crypto/signature.js';
import type { SuiteId } from '../../src/crypto/suite.js';
import { clientPipeline } from '../../src/fl/plan/pipeline.js';
import { parsePlan } from '../../src/fl/plan/plan.js';
import { ringShape } from '../../src/fl/plan/shape.js';
import { publicSeed } from '../../src/fl/plan/stages/seed.js';
import { pack, packedLength, unpack } from '../../src/ring/pack.js';
import { quantize } from '../../src/ring/quantize.js';
import { rotate } from '../../src/ring/rotate.js';
import { plainVector, zeroVector } from '../../src/ring/vector.js';
import { deriveSecrets, expandSeed } from '../../src/secagg/client/secrets.js';
import { neighborGraph } from '../../src/secagg/graph.js';
import {
  type Assumptions,
  chooseParameters,
  type ParameterOptions,
  parameterWeaknesses,
  type SessionParameters,
} from '../../src/secagg/parameters.js';
import { rosterRoot } from '../../src/secagg/roster.js';
import { confirmInput, Survivors } from '../../src/secagg/survivors.js';
import { bytes, codeOf, hex, list, read } from './files.js';

interface PrimitiveVector {
  readonly name: string;
  readonly cases: readonly { readonly name: string; readonly input: never; readonly output: unknown }[];
}

/** Inputs are as the files have them; each function knows its own. */
type Run = (input: never, provider: CryptoProvider) => unknown;

function labelOf(text: string): Label {
  const label = Object.values(labels).find((one) => one === text);
  if (label === undefined) throw new Error(`no label ${text}`);
  return label;
}

const modulo = (lanes: Iterable<number>, bits: number): readonly number[] =>
  Array.from(lanes, (value) => value % 2 ** bits);

const functions: Readonly<Record<string, Run>> = {
  labels: ({ label, parts }: { readonly label: string; readonly parts: readonly string[] }) => ({
    labelled: hex(labelled(labelOf(label), ...parts.map(bytes))),
    hash: hex(labelledHash(labelOf(label), ...parts.map(bytes))),
  }),
  kdf: (input: { secret: string; salt: string; label: string; parts: readonly string[]; length: number }) =>
    hex(
      deriveKey({
        secret: bytes(input.secret),
        salt: bytes(input.salt),
        label: labelOf(input.label),
        info: input.parts.map(bytes),
        length: input.length,
      }),
    ),
  rand: (input: { contextHash: string; rand: string; applicationSeeds: number }) => {
    const { applicationSeeds, ...single } = deriveSecrets(
      bytes(input.contextHash),
      bytes(input.rand),
      input.applicationSeeds,
    );
    const hexed = Object.fromEntries(Object.entries(single).map(([name, value]) => [name, hex(value)]));
    return { ...hexed, applicationSeeds: applicationSeeds.map(hex) };
  },
  stream: async (input: { seed: string; salt: string; label: string; length: number }, provider) => {
    const stream = new Uint8Array(input.length);
    await expandSeed(
      provider,
      { seed: bytes(input.seed), salt: bytes(input.salt), label: labelOf(input.label) },
      stream,
    );
    return hex(stream);
  },
  agreement: async ({ privateKey, publicKey }: { privateKey: string; publicKey: string }, provider) => {
    const [secret] = await agreeAll(provider, bytes(privateKey), [bytes(publicKey)]);
    return secret === undefined ? null : hex(secret);
  },
  signatures: async (input: { publicKey: string; message: string; signature: string }, provider) => {
    const check = {
      publicKey: bytes(input.publicKey),
      message: bytes(input.message),
      signature: bytes(input.signature),
    };
    return (await verifyAll(provider, [check]))[0];
  },
  seal: (input: { key: string; associatedData: string; plaintext: string }, provider) => {
    const setting = { key: bytes(input.key), associatedData: bytes(input.associatedData) };
    const sealed = provider.seal({ ...setting, data: bytes(input.plaintext) });
    expect(hex(provider.open({ ...setting, data: sealed }) ?? bytes('00'))).toBe(input.plaintext);
    return hex(sealed);
  },
  masks: async (
    input: { suite: SuiteId; bits: number; key: string; nonce: string; subtract: boolean; length: number },
    provider,
  ) => {
    const { lanes } = zeroVector(input.bits, input.length);
    const stream = { key: bytes(input.key), nonce: bytes(input.nonce), subtract: input.subtract };
    await provider.expander.accumulate(input.suite, lanes, [stream]);
    return modulo(lanes, input.bits);
  },
  shamir: (input: { secret: string; threshold: number; holders: number; coefficients: string }) => {
    const shares = splitSecret(bytes(input.secret), { ...input, coefficients: bytes(input.coefficients) });
    const held = shares.map((share, i) => ({ holder: i + 1, share })).slice(-input.threshold);
    expect(hex(recoverSecret(held, input.threshold).secret)).toBe(input.secret);
    return shares.map(hex);
  },
  'shamir-correction': (input: { threshold: number; shares: readonly { holder: number; share: string }[] }) => {
    const shares = input.shares.map(({ holder, share }) => ({ holder, share: bytes(share) }));
    try {
      const { secret, wrong } = recoverSecret(shares, input.threshold);
      return { secret: hex(secret), wrong };
    } catch (error) {
      return { undecodable: codeOf(error) === 'shamir.undecodable' };
    }
  },
  graph: (input: { root: string; n: number; degree: number; indices?: readonly number[] }) => {
    const seed = deriveKey({ secret: bytes(input.root), salt: new Uint8Array(), label: labels.graph });
    const graph = neighborGraph({ seed, n: input.n, degree: input.degree });
    const indices = input.indices ?? Array.from({ length: input.n }, (_, i) => i);
    return { seed: hex(seed), neighbors: indices.map((index) => [...graph.neighborsOf(index)]) };
  },
  parameters: (input: ParameterOptions) => {
    const { degree, threshold } = chooseParameters(input);
    expect(parameterWeaknesses({ n: input.n, degree, threshold }, input, { correctness: true })).toEqual([]);
    return { degree, threshold };
  },
  weaknesses: ({ parameters, assumptions }: { parameters: SessionParameters; assumptions: Assumptions }) =>
    parameterWeaknesses(parameters, assumptions).map(({ condition }) => condition),
  merkle: (input: { leaves: readonly string[]; indices: readonly number[] }) => {
    const leaves = input.leaves.map(bytes);
    const tree = new MerkleTree(leaves.map(leafHash));
    const proof = tree.prove(input.indices);
    const proven = input.indices.map((index) => ({ index, hash: leafHash(leaves[index] ?? new Uint8Array()) }));
    expect(hex(rootFromProof(leaves.length, proven, proof))).toBe(hex(tree.root));
    const identities = Buffer.concat(leaves.map((leaf) => leaf.subarray(0, 32)));
    return {
      leafHashes: leaves.map((leaf) => hex(leafHash(leaf))),
      treeRoot: hex(tree.root),
      rosterRoot: hex(rosterRoot(tree.root, identities)),
      proof: proof.map(hex),
    };
  },
  survivors: (input: { n: number; indices: readonly number[]; frozenHash: string }) => {
    const survivors = Survivors.of(input.n, input.indices);
    return { bitmap: hex(survivors.bitmap), signed: hex(confirmInput(bytes(input.frozenHash), survivors)) };
  },
  plan: (input: { bytes: string }) => {
    try {
      const plan = parsePlan(bytes(input.bytes));
      const { bits, length } = ringShape(plan);
      return { ringBits: bits, vectorLength: length, maxClients: plan.cohort.maxClients };
    } catch (error) {
      return { code: codeOf(error) };
    }
  },
  share: (input: {
    plan: string;
    update: readonly number[];
    weight: number;
    normalizer: number | null;
    controlUpdate: readonly number[] | null;
    publicSeed: string;
    rounding: readonly number[];
  }) => {
    const plan = parsePlan(bytes(input.plan));
    const { lanes } = clientPipeline(plan)(Float32Array.from(input.update), {
      weight: input.weight,
      ...(input.normalizer === null ? {} : { normalizer: input.normalizer }),
      ...(input.controlUpdate === null ? {} : { controlUpdate: Float32Array.from(input.controlUpdate) }),
      publicSeed: bytes(input.publicSeed),
      rounding: () => Uint32Array.from(input.rounding),
    });
    return modulo(lanes, ringShape(plan).bits);
  },
  'public-seed': ({ planHash, modelHash, round }: { planHash: string; modelHash: string; round: number }) =>
    hex(publicSeed({ planHash: bytes(planHash), modelHash: bytes(modelHash), round })),
  quantize: (input: {
    values: readonly number[];
    bits: number;
    range: number;
    weight: number;
    rounding: readonly number[];
    ringBits: number;
  }) => {
    const { lanes } = quantize(Float32Array.from(input.values), {
      ...input,
      rounding: Uint32Array.from(input.rounding),
    });
    return modulo(lanes, input.ringBits);
  },
  pack: ({ bits, values }: { bits: number; values: readonly number[] }) => {
    const packed = pack(plainVector(bits, values));
    expect([...unpack(bits, values.length, packed).lanes]).toEqual(values);
    return { length: packedLength(bits, values.length), packed: hex(packed) };
  },
  rotate: ({ values, seed }: { values: readonly number[]; seed: string }) => [
    ...rotate(Float32Array.from(values), bytes(seed)),
  ],
} satisfies Record<string, Run>;

/** Functions that a provider takes part in are held to the vectors with each. */
const providers: readonly CryptoProvider[] = [nodeProvider, nobleProvider];

for (const path of list('primitives')) {
  const { name, cases } = read<PrimitiveVector>(path);
  const run = functions[name];
  if (run === undefined) throw new Error(`no function for ${path}`);
  describe(path, () => {
    for (const { name: title, input, output } of cases)
      for (const provider of providers.slice(0, run.length))
        it(`${title}${run.length > 1 ? `, ${provider.name}` : ''}`, async () => {
          expect(await run(input, provider)).toEqual(output);
        });
  });
}
