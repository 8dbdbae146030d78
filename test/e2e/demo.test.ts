/** `npm run demo`, as a user would start it, and the pieces of it that can be wrong without anyone seeing. */
import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { AbortError } from 'veilsum';
import { describe, expect, it } from 'vitest';
import { maxAbsDifference, PlainServer, totalWeight } from '../../examples/digits/compare.js';
import { countByDigit, type Digits, dealByDirichlet, holdOut, loadDigits } from '../../examples/digits/digits.js';
import { createNetwork } from '../../examples/digits/model.js';
import { allWithin, reconnecting } from '../../examples/digits/patience.js';
import { clientsInSum, leavesOf, scheduleLeaving } from '../../examples/digits/schedule.js';
import { dealing, defaults, dimension, heldOut, initialModel, scenarioOf } from '../../examples/digits/settings.js';
import { startTensorFlow } from '../../examples/digits/tensorflow.js';
import { seededNumbers } from '../../src/fl/index.js';

const phases = ['advertise', 'share', 'input', 'confirm', 'unmask'] as const;

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function demo(...args: readonly string[]): Promise<Finished> {
  return new Promise((resolve) => {
    execFile('npm', ['run', '--silent', 'demo', '--', ...args], { timeout: 170_000 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? -1), stdout, stderr });
    });
  });
}

describe('npm run demo', () => {
  it('--json: learns, exactly as without masking, with clients leaving in every phase', {
    timeout: 180_000,
  }, async () => {
    const { code, stdout, stderr } = await demo('--json');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const summary: Record<string, unknown> = JSON.parse(stdout);
    const { accuracy, plainAccuracy, maxAbsDifference, quantizationStep, dropouts, bytesUpPerClient } = summary;
    expect(summary).toMatchObject({ rounds: 10, clients: 10 });
    expect(accuracy).toBeGreaterThanOrEqual(0.9);
    expect(Math.abs(Number(accuracy) - Number(plainAccuracy))).toBeLessThan(0.03);
    expect(maxAbsDifference).toBeGreaterThan(0);
    expect(maxAbsDifference).toBeLessThanOrEqual(Number(quantizationStep));
    // Two a round, each phase as often as the others.
    expect(dropouts).toEqual({ advertise: 4, share: 4, input: 4, confirm: 4, unmask: 4 });
    // 31 bits a value, less for those that left before they sent all of it.
    expect(bytesUpPerClient).toBeLessThan((dimension * 32) / 8);
    expect(bytesUpPerClient).toBeGreaterThan((dimension * 31 * 0.8) / 8);
  });

  it('prints a line a round, and plain text where that goes to no terminal', { timeout: 180_000 }, async () => {
    const { code, stdout, stderr } = await demo('--rounds', '3', '--seed', '3');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).not.toContain('\u001b');
    expect(stdout).not.toContain('\r');
    const row = /^ +(\d+) +\d+\.\d % +\d+ of 10 {2}\w+, \w+ +\d+\.\d kB +\d+\.\d kB +\d+\.\d\d$/gm;
    expect([...stdout.matchAll(row)].map(([, round]) => round)).toEqual(['1', '2', '3']);
    expect(stdout).toContain('within that');
    for (const phase of phases) expect(stdout).toMatch(new RegExp(`dropouts.* ${phase} [1-9]`));
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  });

  it('ends at once when it is stopped, also while it loads', { timeout: 60_000 }, async () => {
    // Without npm, which would have the signal for itself.
    const main = fileURLToPath(new URL('../../build/examples/digits/main.js', import.meta.url));
    const child = spawn(process.execPath, [main], { stdio: ['ignore', 'pipe', 'inherit'] });
    let stdout = '';
    child.stdout.on('data', (data: Buffer) => {
      // The images come next, which are read in one piece.
      if (stdout === '') child.kill('SIGINT');
      stdout += data.toString();
    });
    expect(await once(child, 'close')).toEqual([null, 'SIGINT']);
    expect(stdout).not.toContain('client  images');
  });

  it('--privacy distributed: spends what it says, by the survivors that there were', { timeout: 180_000 }, async () => {
    const { code, stdout, stderr } = await demo(
      '--json',
      '--rounds',
      '1',
      '--privacy',
      'distributed',
      '--epsilon',
      '4',
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const { privacy, accuracy, clients } = JSON.parse(stdout);
    expect(privacy).toMatchObject({ kind: 'distributed', trustsServer: false, delta: 1e-5, budget: 4 });
    expect(clients).toBe(100);
    expect(privacy.roundEpsilons).toEqual([privacy.epsilon]);
    // Sized for 90 survivors; two left, at most, and the noise beyond what they need was taken back.
    expect(privacy.epsilon).toBeGreaterThan(3.5);
    expect(privacy.epsilon).toBeLessThanOrEqual(4);
    expect(privacy.noiseDeviation).toBeGreaterThan(0.01);
    expect(accuracy).toBeGreaterThan(0.3);
  });

  it('--attack: a rule over masked cohorts rejects those that a Byzantine client spoiled', {
    timeout: 180_000,
  }, async () => {
    const { code, stdout, stderr } = await demo(
      ...['--json', '--rounds', '2', '--attack', 'ipm', '--byzantine', '2', '--aggregator', 'nnm+trimmed-mean'],
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const { robust, accuracy, plainAccuracy, cost } = JSON.parse(stdout);
    expect(robust).toMatchObject({ attack: 'ipm', byzantine: 2, masking: 'pairwise', spoiled: { kept: 0 } });
    expect(robust.spoiled.rejected).toBeGreaterThanOrEqual(2);
    expect(accuracy).toBeGreaterThan(plainAccuracy - 0.05);
    expect(Math.abs(cost.reckoned.bytesUp / cost.measured.bytesUp - 1)).toBeLessThan(0.15);
  });

  it('--optimizer scaffold: control variates go up and down beside updates and model', {
    timeout: 180_000,
  }, async () => {
    const { code, stdout, stderr } = await demo('--json', '--rounds', '2', '--optimizer', 'scaffold');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const { accuracy, plainAccuracy, maxAbsDifference, quantizationStep, cost } = JSON.parse(stdout);
    expect(accuracy).toBeGreaterThan(0.6);
    expect(Math.abs(accuracy - plainAccuracy)).toBeLessThan(0.03);
    expect(maxAbsDifference).toBeGreaterThan(0);
    expect(maxAbsDifference).toBeLessThanOrEqual(quantizationStep);
    expect(cost.measured.bytesDown).toBeGreaterThan(8 * dimension);
    expect(Math.abs(cost.reckoned.bytesDown / cost.measured.bytesDown - 1)).toBeLessThan(0.02);
    // 20 bits a value, twice as many, less for those that left before they sent all of it.
    expect(cost.reckoned.bytesUp).toBeGreaterThan((2 * dimension * 20) / 8);
    expect(Math.abs(cost.reckoned.bytesUp / cost.measured.bytesUp - 1)).toBeLessThan(0.25);
  });

  it('--edges: sums of sums, the same as without edges and masks', { timeout: 180_000 }, async () => {
    const { code, stdout, stderr } = await demo('--json', '--rounds', '1', '--edges', '3', '--clients', '30');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const { clients, accuracy, plainAccuracy, maxAbsDifference, quantizationStep, dropouts, edges } =
      JSON.parse(stdout);
    expect(clients).toBe(30);
    expect(accuracy).toBeGreaterThan(0.6);
    expect(Math.abs(accuracy - plainAccuracy)).toBeLessThan(0.03);
    expect(maxAbsDifference).toBeGreaterThan(0);
    expect(maxAbsDifference).toBeLessThanOrEqual(quantizationStep);
    expect(dropouts).toMatchObject({ advertise: 1, input: 1 });
    expect(edges.bytesUpAtRoot).toBe(3 * edges.bytesUpPerEdge);
    expect(edges.bytesUpWithoutEdges / edges.bytesUpAtRoot).toBeGreaterThan(8);
  });

  it('--async: nobody waits for the slow, and masked and unmasked buffers agree', { timeout: 180_000 }, async () => {
    const { code, stdout, stderr } = await demo('--json', '--async', '--rounds', '6');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const { rounds, clients, accuracy, plainAccuracy, maxAbsDifference, quantizationStep, buffers, cost } =
      JSON.parse(stdout);
    expect({ rounds, clients, size: buffers.bufferSize }).toEqual({ rounds: 6, clients: 24, size: 8 });
    expect(maxAbsDifference).toBeLessThanOrEqual(quantizationStep);
    expect(Math.abs(accuracy - plainAccuracy)).toBeLessThan(0.01);
    expect(accuracy).toBeGreaterThan(0.4);
    // Some are slow, and sessions go on beside each other.
    expect(buffers.age.max).toBeGreaterThan(0);
    expect(buffers.late.max).toBeGreaterThan(0);
    expect(Math.abs(cost.reckoned.bytesDown / cost.measured.bytesDown - 1)).toBeLessThan(0.05);
  });

  it('--async prints a line a buffer', { timeout: 180_000 }, async () => {
    const { code, stdout, stderr } = await demo('--async', '--rounds', '3');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const row = /^ +(\d+) +\d+\.\d % +\d of 8(?: +\d+){4,9} +[01]\.\d\d +\d+\.\d kB +\d+\.\d kB +\d+\.\d\d$/gm;
    expect([...stdout.matchAll(row)].map(([, buffer]) => buffer)).toEqual(['1', '2', '3']);
    expect(stdout).toContain('within that');
  });

  it('--masking none: says so', { timeout: 180_000 }, async () => {
    const { code, stdout, stderr } = await demo('--rounds', '2', '--masking', 'none', '--aggregator', 'median');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('NO MASKING');
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(82);
  });

  it.each([
    '--rounds 0',
    '--seed x',
    '--privacy local',
    '--epsilon 0',
    '--attack rude',
    '--aggregator best',
    '--optimizer best',
    '--optimizer fedyogi --privacy central',
    '--edges 2',
    '--edges x',
    '--clients 30',
    '--async --masking none',
    '--fast',
  ])('refuses %s', async (text) => {
    const args = text.split(' ');
    const { code, stdout, stderr } = await demo(...args);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^demo: .*\n$/);
    expect(stderr).toContain(args[0]);
  });
});

describe('the digits', () => {
  it('are dealt out whole, unevenly, and the same for the same seed', async () => {
    const digits = await loadDigits();
    expect(digits.labels.length).toBe(10_000);
    const deal = (): readonly Digits[] => {
      const { training, test } = holdOut(digits, heldOut, seededNumbers(1, 'held out'));
      return [test, ...dealByDirichlet(training, dealing, seededNumbers(1, 'hands'))];
    };
    const [test, ...hands] = deal();
    expect(test?.labels.length).toBe(heldOut);
    expect(hands.length).toBe(dealing.clients);
    for (const { labels, images } of hands) {
      expect(labels.length).toBeGreaterThanOrEqual(dealing.size.min);
      expect(labels.length).toBeLessThanOrEqual(dealing.size.max);
      expect(images.length).toBe(labels.length * 784);
    }
    const all = [test, ...hands].map((hand) => hand?.images.reduce((sum, byte) => sum + byte, 0) ?? 0);
    expect(all.reduce((sum, part) => sum + part)).toBe(digits.images.reduce((sum, byte) => sum + byte, 0));
    // Dealt evenly, nobody would have twice the average of a digit.
    for (const hand of hands) expect(Math.max(...countByDigit(hand))).toBeGreaterThan((2 * hand.labels.length) / 10);
    const again = deal().map(({ images }) => sha256(images));
    expect(again).toEqual([test, ...hands].map((hand) => sha256(hand?.images ?? new Uint8Array())));
  });

  it('are those of the package: a 0 is a ring, a 1 is a stroke', async () => {
    const { images, labels } = await loadDigits();
    const brightness = (digit: number, pixel: number): number => {
      const ofDigit = [...labels.keys()].filter((image) => labels[image] === digit);
      return ofDigit.reduce((sum, image) => sum + (images[image * 784 + pixel] ?? 0), 0) / ofDigit.length;
    };
    const middle = 14 * 28 + 14;
    expect(brightness(0, middle)).toBeLessThan(30);
    expect(brightness(1, middle)).toBeGreaterThan(180);
  });

  it('cannot be dealt within impossible limits', () => {
    const digits = { images: new Uint8Array(784 * 20), labels: new Uint8Array(20) };
    const options = { clients: 3, alpha: 0.5, size: { min: 8, max: 10 } };
    expect(() => dealByDirichlet(digits, options, seededNumbers(0, ''))).toThrow('each of 3 clients 8 to 10');
  });
});

describe('the schedule', () => {
  it('loses two clients in each round, in different phases, and one in each phase within three rounds', () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 3, max: 20 }), (seed, rounds) => {
        const schedule = scheduleLeaving(rounds, 10, seededNumbers(seed, 'leaving'));
        expect(schedule.length).toBe(rounds);
        for (const leaving of schedule) {
          expect(new Set(leaving.values()).size).toBe(2);
          const late = [...leaving.values()].filter((phase) => phase === 'confirm' || phase === 'unmask').length;
          expect(clientsInSum(10, leaving).length).toBe(8 + late);
        }
        expect(new Set(schedule.slice(0, 3).flatMap((leaving) => [...leaving.values()]))).toEqual(new Set(phases));
        const perClient = Array.from({ length: 10 }, (_, client) => leavesOf(client, schedule).size);
        expect(perClient.reduce((sum, count) => sum + count)).toBe(2 * rounds);
      }),
    );
  });
});

describe('the attackers', () => {
  it('wait for all honest clients, and not for ever for those that are late', async () => {
    const later = <T>(value: T, milliseconds: number): Promise<T> =>
      new Promise((resolve) => setTimeout(() => resolve(value), milliseconds));
    const never = new Promise<number>(() => undefined);
    expect(await allWithin([later(1, 20), Promise.resolve(2)], 60_000)).toEqual([1, 2]);
    expect(await allWithin([never, later(2, 5), later(3, 30)], 300)).toEqual([2, 3]);
    await expect(allWithin([never, Promise.reject(new Error('gone'))], 60_000)).rejects.toThrow('gone');
  });
});

describe('a client', () => {
  it('connects again where a connection failed, not where anything else did, and not for ever', async () => {
    const failing = (error: Error, times: number) => {
      let calls = 0;
      const action = async (): Promise<number> => {
        calls += 1;
        if (calls <= times) throw error;
        return calls;
      };
      return reconnecting(action, { attempts: 3, pause: 1 });
    };
    const lost = new AbortError('connection.failed', 'Opening handshake has timed out');
    expect(await failing(lost, 2)).toBe(3);
    await expect(failing(lost, 3)).rejects.toThrow('handshake');
    await expect(failing(new AbortError('ledger.exhausted', 'no budget'), 1)).rejects.toThrow('budget');
    await expect(failing(new Error('a fault'), 1)).rejects.toThrow('fault');
  });
});

describe('training', () => {
  it('lets a client answer the server meanwhile', async () => {
    await startTensorFlow();
    const scenario = scenarioOf({ ...defaults, attack: 'alie' });
    const { test } = holdOut(await loadDigits(), 300, seededNumbers(1, 'held out'));
    const network = createNetwork(test, scenario);
    let turns = 0;
    const count = (): void => {
      turns += 1;
      turning = setImmediate(count);
    };
    let turning = setImmediate(count);
    const model = initialModel(seededNumbers(1, 'model'), scenario.shapes);
    await network.train({ model }, 0, seededNumbers(1, 'client'));
    clearImmediate(turning);
    expect(turns).toBeGreaterThanOrEqual((scenario.training.epochs * 300) / scenario.training.batchSize);
  });
});

describe('the comparison', () => {
  it('takes directions under FedNova, and control variates under SCAFFOLD', () => {
    const nova = new PlainServer({ kind: 'fednova' }, { dimension: 1 });
    const stepped = [1, 3].map((steps) => ({ values: Float32Array.of(6), weight: 1, extra: { steps } }));
    // Directions of 6 and 2, and two steps on average.
    expect(nova.round(Float32Array.of(1), stepped)).toEqual(Float32Array.of(1 + 2 * 4));
    expect(nova.control).toBeUndefined();
    const scaffold = new PlainServer({ kind: 'scaffold', clients: 4, controlScale: 2 }, { dimension: 1 });
    expect(scaffold.control).toEqual(Float32Array.of(0));
    const extra = { controlUpdate: Float32Array.of(8) };
    const updates = [2, 4].map((value) => ({ values: Float32Array.of(value), weight: 1, extra }));
    expect(scaffold.round(Float32Array.of(1), updates)).toEqual(Float32Array.of(4));
    expect(scaffold.control).toEqual(Float32Array.of(4));
  });

  it('takes the weighted mean', () => {
    const updates = [
      { values: Float32Array.of(1, -2), weight: 3, extra: {} },
      { values: Float32Array.of(5, 2), weight: 1, extra: {} },
    ];
    expect(totalWeight(updates)).toBe(4);
    const fedavg = { kind: 'fedavg' } as const;
    const server = new PlainServer(fedavg, { dimension: 2 });
    expect(server.round(Float32Array.of(10, 20), updates)).toEqual(Float32Array.of(12, 19));
    // Of norm 2.2 and 5.4.
    const clipping = new PlainServer(fedavg, { dimension: 2, clip: 1 });
    const clipped = clipping.round(new Float32Array(2), updates);
    expect(clipped[0]).toBeCloseTo((3 / Math.sqrt(5) + 5 / Math.sqrt(29)) / 4, 6);
    expect(clipped[1]).toBeCloseTo((-6 / Math.sqrt(5) + 2 / Math.sqrt(29)) / 4, 6);
  });

  it('finds the largest difference, and takes no NaN for none', () => {
    expect(maxAbsDifference(Float32Array.of(1, 2, 3), Float32Array.of(1, 2.5, 2.75))).toBe(0.5);
    expect(maxAbsDifference(Float32Array.of(1, Number.NaN, 3), Float32Array.of(1, 2, 3))).toBeNaN();
    expect(maxAbsDifference(Float32Array.of(1, 2), Float32Array.of(1))).toBeNaN();
  });

  it('starts from a model of the layers laid out flat, biases zero', () => {
    const model = initialModel(seededNumbers(1, 'model'));
    expect(model.length).toBe(dimension);
    expect(dimension).toBe(784 * 64 + 64 + 64 * 10 + 10);
    expect(model.subarray(784 * 64, 784 * 64 + 64).every((bias) => bias === 0)).toBe(true);
    expect(model.subarray(-10).every((bias) => bias === 0)).toBe(true);
    expect(Math.max(...model.subarray(0, 784 * 64))).toBeLessThanOrEqual(Math.sqrt(6 / (784 + 64)));
  });
});
