import { expect, it } from 'vitest';
import { clientPipeline, definePlan, ErrorFeedback, serverPipeline } from '../../../../src/fl/index.js';
import { seededBytes } from '../../../support/provider.js';

const plan = definePlan({
  vector: { dimension: 16 },
  cohort: { maxClients: 2 },
  errorFeedback: { kind: 'residual' },
  compress: { kind: 'random-k', fraction: 0.25, scaling: 'keep' },
  // So small that what gathers is beyond it now and then.
  quantize: { bits: 24, range: 3 },
});
const random = seededBytes('error feedback');
const words = (count: number): Uint32Array => new Uint32Array(new Uint8Array(random(4 * count)).buffer);
const update = Float32Array.from({ length: 16 }, (_, i) => (i % 5) / 10);

/** The sum over rounds of what the server gets of one client that drops out as told. */
function over(rounds: number, survives: (round: number) => boolean, feedback: ErrorFeedback): Float64Array {
  const [encode, server] = [clientPipeline(plan), serverPipeline(plan)];
  const total = new Float64Array(16);
  for (let round = 0; round < rounds; round += 1) {
    const publicSeed = new Uint8Array(random(32));
    const wanted = feedback.add(update);
    const survived = survives(round);
    if (survived) {
      const vector = encode(wanted, { rounding: words, publicSeed });
      server.decode(vector, 1, { publicSeed }).values.forEach((value, i) => {
        total[i] = (total[i] ?? 0) + value;
      });
    }
    feedback.settle(wanted, { survived, publicSeed });
  }
  return total;
}

it.each([
  ['a client that always survives', () => true],
  ['one that drops out in every third round', (round: number) => round % 3 !== 0],
])('loses nothing and counts nothing twice: %s', (_, survives) => {
  const rounds = 90;
  const feedback = new ErrorFeedback(plan);
  const total = over(rounds, survives, feedback);
  // What is there plus what is still owed is all that there was.
  const owed = feedback.add(new Float32Array(16));
  total.forEach((value, i) => {
    expect(Math.abs(value + (owed[i] ?? 0) - rounds * (update[i] ?? 0))).toBeLessThan(1e-3);
  });
  expect(Math.max(...owed)).toBeLessThan(rounds / 4);
});

it('the control: without it most of the update is lost', () => {
  const { errorFeedback: _, ...fields } = plan;
  const total = over(
    90,
    () => true,
    new ErrorFeedback(definePlan({ ...fields, errorFeedback: { kind: 'none' } } as Parameters<typeof definePlan>[0])),
  );
  const sum = total.reduce((all, value) => all + value, 0);
  expect(sum).toBeLessThan(0.4 * 90 * update.reduce((all, value) => all + value, 0));
});

it.each([new Float32Array(15), [1], null])('refuses an update of another shape: %s', (strange) => {
  expect(() => new ErrorFeedback(plan).add(strange as Float32Array)).toThrow(/update/);
});

it('a stale update is sent shortened, and what it counts less is not owed', () => {
  const stale = definePlan({
    vector: { dimension: 4 },
    cohort: { maxClients: 2 },
    errorFeedback: { kind: 'residual' },
    compress: { kind: 'count-sketch', rows: 1, columns: 4, top: 4 },
    quantize: { bits: 24, range: 1 },
    schedule: { kind: 'buffered', bufferSize: 2 },
  });
  const feedback = new ErrorFeedback(stale);
  const publicSeed = new Uint8Array(random(32));
  const versions = { trained: 5, formed: 8 };
  const wanted = feedback.add(Float32Array.of(0.5, 3, 0, -0.25));
  const input = clientPipeline(stale)(wanted, { rounding: words, publicSeed, versions });
  const { values } = serverPipeline(stale).decode(input, 1, { publicSeed });
  feedback.settle(wanted, { survived: true, publicSeed, versions });
  const owed = feedback.add(new Float32Array(4));
  // A quarter of the versions' weight is 1/2: what arrived, doubled, and what is owed are the update.
  wanted.forEach((value, i) => {
    expect(2 * (values[i] ?? 0) + (owed[i] ?? 0)).toBeCloseTo(value, 4);
  });
  expect(Math.max(...owed.map(Math.abs))).toBeGreaterThan(0.5);
});
