/**
 * Shamir sharing: ours over GF(2^16) and, for interop, over GF(2^8), against the npm packages
 * `shamirs-secret-sharing-ts` and `shamir-secret-sharing` on the same secret; and the two loads of the protocol, a
 * client's and a server's.
 *
 * All make their own randomness inside the time that is taken; ratios are the peer's time over ours, as medians of
 * rounds in which all take turns.
 */

import { Buffer } from 'node:buffer';
import * as audited from 'shamir-secret-sharing';
import oracle from 'shamirs-secret-sharing-ts';
import {
  coefficientLength,
  combineInterop,
  recoverSecret,
  splitInterop,
  splitSecret,
} from '#veilsum/crypto/shamir/index.js';
import { median } from './measurement.js';

/** One line of the benchmark. `ratio` is how many times faster ours is than `against`. */
export interface ShamirBench {
  readonly name: string;
  readonly value: number;
  readonly unit: 'us' | 'ms';
  readonly ratio?: number;
  readonly against?: string;
}

const oracleName = 'shamirs-secret-sharing-ts 1.0.2';
const auditedName = 'shamir-secret-sharing 0.0.4';
const rounds = 7;
/** A sample repeats its work until this many milliseconds have passed. */
const sampleTime = 20;

/** A 32-byte secret at small, middle and largest common parameters, then the protocol's loads; 10 s or so. */
export async function shamirBenches(seed = 1): Promise<readonly ShamirBench[]> {
  const secret = seededBytes(32, seed);
  const lines: ShamirBench[] = [];
  for (const [threshold, holders] of [
    [3, 5],
    [26, 51],
    [128, 255],
  ] as const)
    lines.push(...(await comparison(secret, threshold, holders)));
  return [...lines, clientLoad(seed), ...serverLoads(seed)];
}

type Task = () => unknown;

async function comparison(secret: Uint8Array, threshold: number, holders: number): Promise<ShamirBench[]> {
  const options = { threshold, holders };
  const buffer = Buffer.from(secret);
  const split16 = (): Uint8Array[] =>
    splitSecret(secret, { ...options, coefficients: randomBytes(coefficientLength(secret.length, threshold)) });
  const split8 = (): Uint8Array[] => splitInterop(secret, { ...options, random: randomBytes });
  const splitOracle = (): Buffer[] => oracle.split(buffer, { shares: holders, threshold });
  const splitAudited = (): Promise<Uint8Array[]> => audited.split(secret, holders, threshold);

  const held = split16().map((share, i) => ({ holder: i + 1, share }));
  const some = {
    ours: held.slice(-threshold),
    bytes: split8().slice(-threshold),
    oracle: splitOracle().slice(-threshold),
  };
  const auditedShares = (await splitAudited()).slice(-threshold);

  const at = `t${threshold}-m${holders}`;
  return [
    ...(await race(`split-${at}`, { ours: split16, interop: split8, oracle: splitOracle, audited: splitAudited })),
    ...(await race(`combine-${at}`, {
      ours: () => recoverSecret(some.ours, threshold),
      interop: () => combineInterop(some.bytes),
      oracle: () => oracle.combine(some.oracle),
      audited: () => audited.combine(auditedShares),
    })),
  ];
}

/** The four by turns; a line for each of ours against each peer. */
async function race(
  what: string,
  tasks: { readonly ours: Task; readonly interop: Task; readonly oracle: Task; readonly audited: Task },
): Promise<ShamirBench[]> {
  const [ours, bytes, oracleTime, auditedTime] = await takeTurns([
    tasks.ours,
    tasks.interop,
    tasks.oracle,
    tasks.audited,
  ]);
  const line = (kind: string, own: number[], peer: number[], against: string): ShamirBench => ({
    name: `shamir/${what}${kind}`,
    value: 1000 * median(own),
    unit: 'us',
    ratio: median(peer.map((time, round) => time / (own[round] ?? Number.NaN))),
    against,
  });
  return [
    line('', ours, oracleTime, oracleName),
    line('', ours, auditedTime, auditedName),
    line('/interop', bytes, oracleTime, oracleName),
    line('/interop', bytes, auditedTime, auditedName),
  ];
}

/** CPU milliseconds of each task in each round. */
async function takeTurns<const T extends readonly Task[]>(tasks: T): Promise<{ [K in keyof T]: number[] }> {
  const times = tasks.map((): number[] => []);
  for (let round = -1; round < rounds; round += 1) {
    for (const [i, task] of tasks.entries()) {
      const time = await sample(task);
      if (round >= 0) times[i]?.push(time); // The first round warms up.
    }
  }
  // As many lists as tasks, by construction.
  return times as { [K in keyof T]: number[] };
}

/** CPU milliseconds of one run, from as many as fit the sample time: other work on the machine counts less so. */
async function sample(task: Task): Promise<number> {
  const start = process.cpuUsage();
  const end = performance.now() + sampleTime;
  let repeats = 0;
  for (; performance.now() < end || repeats === 0; repeats += 1) {
    const result = task();
    if (result instanceof Promise) await result;
  }
  return cpuMilliseconds(start) / repeats;
}

/** A client of n = 512, complete graph: two seeds for 511 neighbors, threshold 300. */
function clientLoad(seed: number): ShamirBench {
  const secret = seededBytes(64, seed);
  const times = Array.from({ length: rounds }, () =>
    cpuOf(() =>
      splitSecret(secret, { threshold: 300, holders: 511, coefficients: randomBytes(coefficientLength(64, 300)) }),
    ),
  );
  return { name: 'shamir/client-n512', value: median(times), unit: 'ms' };
}

/**
 * A server of n = 512, 30% dropped: 512 seeds, each from 358 of 511 shares by sets that differ; then with 20 wrong
 * ones.
 */
function serverLoads(seed: number): ShamirBench[] {
  const threshold = 300;
  const secret = seededBytes(32, seed);
  const coefficients = seededBytes(coefficientLength(32, threshold), seed + 1);
  const held = splitSecret(secret, { threshold, holders: 511, coefficients }).map((share, i) => ({
    holder: i + 1,
    share,
  }));
  const sets = Array.from({ length: 512 }, (_, first) =>
    Array.from({ length: 358 }, (_, i) => held[(first + i) % 511]).filter((share) => share !== undefined),
  );
  const spoiled = sets.map((set) =>
    set.map(({ holder, share }, i) => ({ holder, share: i % 18 === 0 ? share.map((byte) => byte ^ i ^ 0x55) : share })),
  );
  return [['shamir/server-n512', sets] as const, ['shamir/server-n512-wrong20', spoiled] as const].map(
    ([name, load]) => ({
      name,
      value: median(
        Array.from({ length: 3 }, () =>
          cpuOf(() => {
            for (const shares of load) recoverSecret(shares, threshold);
          }),
        ),
      ),
      unit: 'ms',
    }),
  );
}

function cpuMilliseconds(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1000;
}

function cpuOf(task: Task): number {
  const start = process.cpuUsage();
  task();
  return cpuMilliseconds(start);
}

function randomBytes(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at += 65536) crypto.getRandomValues(bytes.subarray(at, at + 65536));
  return bytes;
}

/** Bytes by xorshift: the same for one seed. */
function seededBytes(length: number, seed: number): Uint8Array {
  let state = Math.imul(seed + 1, 0x9e3779b9) | 1;
  return Uint8Array.from({ length }, () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 13;
  });
}
