/**
 * Mask expansion on one core: key stream plus add, against the raw ciphers of `openssl speed` in the same run. Both by
 * CPU time, so that another load on the machine and the garbage collector's own threads are counted right.
 */
import { randomBytes } from 'node:crypto';
import { chacha20 } from '@noble/ciphers/chacha.js';
import type { MaskExpander, MaskStream } from '#veilsum/crypto/prg/expander.js';
import { nodeExpander } from '#veilsum/crypto/prg/prg.node.js';
import { webExpander } from '#veilsum/crypto/prg/web.js';
import { prgSizes, type SuiteId } from '#veilsum/crypto/suite.js';
import type { Lanes } from '#veilsum/kernels/lanes.js';
import { cpuSeconds, type Measurement, median } from './measurement.js';
import { algorithms, opensslSpeed } from './openssl.js';

const rounds = 5;
const blockBytes = 65_536;
const suites: readonly SuiteId[] = [1, 2];

interface Load {
  readonly suite: SuiteId;
  readonly lanes: Lanes;
  readonly masks: number;
}

/** Keys don't change what expansion costs, so they are random; half of the masks are subtracted. */
function maskStreams(suite: SuiteId, masks: number): MaskStream[] {
  const { key, nonce } = prgSizes[suite];
  return Array.from({ length: masks }, (_, i) => ({
    key: randomBytes(key),
    nonce: randomBytes(nonce),
    subtract: i % 2 === 1,
  }));
}

/** CPU seconds of one expansion. */
function expansion({ accumulate }: MaskExpander, { suite, lanes, masks }: Load): Promise<number> {
  const streams = maskStreams(suite, masks);
  return cpuSeconds(() => accumulate(suite, lanes, streams));
}

/** GB/s of a raw cipher, or `undefined` where there is no `openssl`. */
async function openssl(algorithm: string): Promise<number | undefined> {
  const speed = await opensslSpeed(algorithm);
  return speed === undefined ? undefined : speed / 1e9;
}

/** GB/s of noble's ChaCha20 alone. */
async function noble(): Promise<number> {
  const [key, nonce, block] = [randomBytes(32), randomBytes(12), new Uint8Array(blockBytes)];
  const repeats = 400;
  const seconds = await cpuSeconds(() => {
    for (let i = 0; i < repeats; i++) chacha20(key, nonce, block);
  });
  return (repeats * blockBytes) / seconds / 1e9;
}

interface Race {
  readonly name: string;
  readonly expander: MaskExpander;
  readonly load: Load;
  readonly peer: () => Promise<number | undefined>;
  readonly against: string;
}

/** GB/s of an expander, and its ratio to a peer that takes turns with it. */
async function race({ name, expander, load, peer, against }: Race): Promise<Measurement> {
  const bytes = load.masks * load.lanes.byteLength;
  const ours: number[] = [];
  const ratios: number[] = [];
  for (let round = -1; round < rounds; round++) {
    const speed = bytes / (await expansion(expander, load)) / 1e9;
    const other = await peer();
    if (round < 0) continue; // warms up
    ours.push(speed);
    if (other !== undefined) ratios.push(speed / other);
  }
  const measurement = { name, value: median(ours), unit: 'GB/s' };
  return ratios.length === 0 ? measurement : { ...measurement, ratio: median(ratios), against };
}

/** CPU seconds of the masks of one session, against one pass of the raw cipher over as many bytes. */
async function session(name: string, load: Load): Promise<Measurement> {
  const times: number[] = [];
  for (let round = -1; round < rounds; round++) {
    const seconds = await expansion(nodeExpander, load);
    if (round >= 0) times.push(seconds);
  }
  const algorithm = algorithms[load.suite];
  const raw = await openssl(algorithm);
  const measurement = { name, value: median(times), unit: 's CPU' };
  if (raw === undefined) return measurement;
  const pass = (load.masks * load.lanes.byteLength) / raw / 1e9;
  return { ...measurement, ratio: measurement.value / pass, against: `openssl ${algorithm}` };
}

/** The masks of vectors of 10^6 values. */
export async function* maskBenches(): AsyncGenerator<Measurement> {
  const values = 1_000_000;
  for (const suite of suites) {
    yield race({
      name: `mask/suite${suite}`,
      expander: nodeExpander,
      load: { suite, lanes: new Uint32Array(values), masks: 100 },
      peer: () => openssl(algorithms[suite]),
      against: `openssl ${algorithms[suite]}`,
    });
  }
  yield race({
    name: 'mask/suite1-wasm',
    expander: webExpander,
    load: { suite: 1, lanes: new Uint32Array(values), masks: 25 },
    peer: noble,
    against: 'noble chacha20',
  });
  for (const suite of suites) {
    for (const masks of [51, 590]) {
      for (const Lanes of [Uint32Array, Uint16Array]) {
        const bits = Lanes.BYTES_PER_ELEMENT * 8;
        yield session(`mask/suite${suite}-m${masks}-d1e6-b${bits}`, { suite, lanes: new Lanes(values), masks });
      }
    }
  }
}
