import type { CryptoProvider } from '../crypto/provider/provider.js';
import { prgSizes } from '../crypto/suite.js';
import { addInto, asPlain, equalVectors, type PlainVector, zeroVector } from '../ring/vector.js';
import { type Seed, seededRandom } from './random.js';

/** Inputs of a simulated cohort: uniform in the whole ring, made when they are needed and not kept. */
export class Inputs {
  readonly #seed: Seed;
  readonly #bits: number;
  readonly #length: number;
  readonly #provider: CryptoProvider;

  constructor(seed: Seed, shape: { readonly bits: number; readonly length: number }, provider: CryptoProvider) {
    this.#seed = seed;
    this.#bits = shape.bits;
    this.#length = shape.length;
    this.#provider = provider;
  }

  /** The input of a client, the same each time. */
  async of(client: number): Promise<PlainVector> {
    const vector = zeroVector(this.#bits, this.#length);
    const random = seededRandom(this.#seed, `input ${client}`);
    const stream = { key: random(prgSizes[1].key), nonce: random(prgSizes[1].nonce), subtract: false };
    await this.#provider.expander.accumulate(1, vector.lanes, [stream]);
    return asPlain(vector);
  }

  /** Whether `sum` is the sum of these clients' inputs mod 2^b. */
  async isSumOf(sum: PlainVector, clients: Iterable<number>): Promise<boolean> {
    const expected = asPlain(zeroVector(this.#bits, this.#length));
    for (const client of clients) addInto(expected, await this.of(client));
    return equalVectors(sum, expected);
  }
}
