/**
 * Attacks on the accounting of rounds with noise. Each has its control: what the attack comes to where the defence is
 * left out.
 */
import { describe, expect, it } from 'vitest';
import { ClientAccount } from '../../src/client/budget.js';
import { toHex } from '../../src/core/bytes.js';
import { bestEpsilon, Ledger, memoryStorage } from '../../src/dp/index.js';
import { DistributedMechanism } from '../../src/dp/mechanisms/distributed-mechanism.js';
import { groupedTau, sumTau } from '../../src/dp/mechanisms/noisy-sum.js';
import { centralPrivacy, definePlan, distributedPrivacy, type PlanInput, serverPipeline } from '../../src/fl/index.js';
import { ringShape } from '../../src/fl/plan/shape.js';
import { asPlain, zeroVector } from '../../src/ring/vector.js';
import { completePolicy } from '../../src/secagg/policy.js';
import { seededRandom } from '../../src/simulation/random.js';

const relation = 'replaceSpecial';
const vector = { dimension: 16 };

describe('noise that is taken back until each client keeps little', () => {
  // Of two survivors each keeps 37,500 steps squared, of a hundred thousand 0.75: their sum is as wide, but not quite a
  // discrete Gaussian.
  const settings = {
    noise: 'discreteGaussian',
    dimension: 2 ** 20,
    clip: 1,
    granularity: 0.01,
    beta: 1e-6,
    ringBits: 24,
    clients: 100_000,
    minSurvivors: 2,
    colluders: 0,
    variance: 75_000,
    releaseAt: [100_000],
  } as const;
  const mechanism = new DistributedMechanism(settings);
  const epsilonOf = (event: Parameters<typeof bestEpsilon>[0]['events'][number]['event']): number =>
    bestEpsilon({ relation, delta: 1e-5, events: [{ event, count: 1 }] }).upper;
  const fewest = epsilonOf(mechanism.event({ relation, survivors: 2 }));
  const all = epsilonOf(mechanism.event({ relation, survivors: 100_000 }));

  it('costs at most what the worst number of survivors does, not the fewest', () => {
    const worst = epsilonOf(mechanism.worstEvent({ relation }));
    // The control: an account by the fewest survivors would be short of it.
    expect(all).toBeGreaterThan(1.5 * fewest);
    expect(worst).toBeGreaterThanOrEqual(all);
    for (const survivors of [3, 1000, 99_999])
      expect(epsilonOf(mechanism.event({ relation, survivors }))).toBeLessThanOrEqual(worst);
  });

  it('is refused as a plan, so that no client ever takes part', () => {
    const { dimension, granularity, beta, ringBits, noise, variance, colluders } = settings;
    const plan = (releaseAt: readonly number[]): PlanInput => ({
      vector: { dimension },
      cohort: { maxClients: settings.clients },
      clip: { kind: 'l2', norm: 1 },
      rotate: { kind: 'hadamard' },
      quantize: { kind: 'conditional', granularity, beta, ringBits },
      privacy: {
        kind: 'distributed',
        noise,
        variance,
        minSurvivors: 2,
        colluders,
        releaseAt,
        budget: { epsilon: 1.01 * fewest, delta: 1e-5, rounds: 1 },
      },
    });
    expect(() => definePlan(plan([100_000]))).toThrow(expect.objectContaining({ code: 'plan.privacy-budget' }));
    // The control: the same noise will do where it is kept.
    expect(definePlan(plan([])).privacy.kind).toBe('distributed');
  });

  it('of several cohorts, the event costs what the dearest does', () => {
    const both = epsilonOf(mechanism.event({ relation, survivors: [2, 100_000] }));
    expect(both).toBeGreaterThanOrEqual(all);
    expect(both).toBeGreaterThanOrEqual(fewest);
    expect(() => mechanism.event({ relation, survivors: [] })).toThrow(
      expect.objectContaining({ code: 'usage.range' }),
    );
    expect(() => mechanism.event({ relation, survivors: [2, 1] })).toThrow(
      expect.objectContaining({ code: 'dp.survivors' }),
    );
  });
});

describe('sums of narrow noise', () => {
  /** The largest |log(P(Z = z) / P(W = z))|, Z the sum of n draws and W one of the summed variance, by convolution. */
  function exactTau(n: number, variance: number): number {
    const reach = 40;
    const pmf = (v: number): number[] => {
      const weights = Array.from({ length: 2 * reach + 1 }, (_, i) => Math.exp(-((i - reach) ** 2) / (2 * v)));
      const total = weights.reduce((sum, each) => sum + each, 0);
      return weights.map((each) => each / total);
    };
    const one = pmf(variance);
    let sum = one;
    for (let k = 1; k < n; k += 1)
      sum = sum.map((_, i) => one.reduce((total, p, j) => total + p * (sum[i - (j - reach)] ?? 0), 0));
    const wide = pmf(n * variance);
    // Where no double is near its end, and nothing is cut off.
    return Math.max(
      ...Array.from({ length: 9 }, (_, i) => i - 4).map((z) =>
        Math.abs(Math.log((sum[reach + z] ?? 0) / (wide[reach + z] ?? 1))),
      ),
    );
  }

  it.each([
    [2, 1],
    [3, 0.5],
    [2, 0.25],
    [5, 0.2],
    [2, 0.05],
    [3, 0.03],
    [2, 0.02],
  ])('%d of variance %f are no further from one than is charged', (n, variance) => {
    const exact = exactTau(n, variance);
    expect(sumTau(Array.from({ length: n }, () => variance))).toBeGreaterThanOrEqual(exact);
    expect(groupedTau(n, [variance])).toBeGreaterThanOrEqual(exact);
  });

  it('the published bound alone is passed by what is narrower than it is proved for', () => {
    const published = 10 * Math.exp(-(Math.PI ** 2) * 0.02);
    expect(exactTau(2, 0.02)).toBeGreaterThan(published);
  });
});

describe('a server that offers a session again', () => {
  const planFor = (epsilon: number) => {
    const cohort = { maxClients: 8 };
    const budget = { epsilon, delta: 1e-5, rounds: 3 };
    return definePlan({ vector, cohort, ...distributedPrivacy({ vector, cohort, clip: 1, minSurvivors: 4, budget }) });
  };
  const plan = planFor(8);

  it('gets no second input of a client that has paid for one', async () => {
    const storage = memoryStorage();
    const account = await ClientAccount.open({ epsilon: 8, delta: 1e-5, storage });
    account.refuse('test', plan, completePolicy({ assumptions: { corrupt: 0, dropout: 0, threat: 'malicious' } }));
    const offered = { task: 'test', round: 1, session: new Uint8Array(32).fill(1) };
    await account.charge(offered, plan);
    await expect(account.charge(offered, plan)).rejects.toMatchObject({ name: 'PeerError', code: 'budget.replayed' });
    // Nor under another plan.
    const other = planFor(7);
    await expect(account.charge(offered, other)).rejects.toMatchObject({ code: 'budget.replayed' });
    // Controls: another session is paid for, and a ledger by itself lets the same charge pass for free.
    await account.charge({ ...offered, session: new Uint8Array(32).fill(7) }, plan);
    await account.close();
    const ledger = await Ledger.open({ storage });
    expect(ledger.charges.map((charge) => charge.context)).toEqual([toHex(offered.session), '07'.repeat(32)]);
    const [first] = ledger.charges;
    if (first === undefined) throw new Error('nothing was charged');
    expect(await ledger.charge(first)).toMatchObject({ repeated: true });
  });
});

describe('a client that pushes the sum to where it wraps, under central noise', () => {
  const plan = definePlan({
    vector,
    cohort: { maxClients: 4 },
    ...centralPrivacy({
      vector,
      cohort: { maxClients: 4 },
      clip: 1,
      quantize: { bits: 8 },
      budget: { epsilon: 2, delta: 1e-5, rounds: 1 },
    }),
  });
  const { bits, length } = ringShape(plan);
  const { decode } = serverPipeline(plan);
  const half = 2 ** (bits - 1);
  const step = 1 / 127;

  /**
   * The decoded first value, or the error. The others' first coordinates add up to `honest`, the attacker's to what
   * they please.
   */
  function outcome(honest: number, attack: number): number | string {
    const sum = asPlain(zeroVector(bits, length));
    sum.lanes[0] = honest + attack;
    sum.lanes[length - 1] = 3;
    try {
      const { values } = decode(sum, 3, { random: seededRandom(1, 'noise') });
      return (values[0] ?? Number.NaN) / step;
    } catch (error) {
      return String(error);
    }
  }

  it('learns nothing that the noise does not hide', () => {
    // One more record moves a sum at the edge by one step, mod 2^b: seen from the ring, noise and all.
    const [without, withRecord] = [outcome(0, half - 1), outcome(1, half - 1)];
    // The control: decoded first, the two are 2^b apart, more than any noise covers.
    expect(half - 1 - (half - 2 ** bits)).toBe(2 ** bits - 1);
    for (const each of [without, withRecord]) expect(String(each)).toMatch(/sum\.range|sum\.norm|-?\d/);
    const number = (text: number | string): number =>
      typeof text === 'number' ? text : Number(/is (-?\d+)/.exec(text)?.[1]);
    const apart = Math.abs(number(withRecord) - number(without));
    expect(Math.min(apart, 2 ** bits - apart)).toBe(1);
  });

  it('nor by what a refusal says, nor by whether there is one', () => {
    // Far out: refused, and what is said of the value has noise in it.
    const refused = outcome(0, 3500);
    expect(refused).toMatch(/value 0 of the sum is 3\d\d\d, beyond/);
    expect(refused).not.toContain('3500');
    // Just beyond what three clients can have: the exact sum would be refused, the noisy one isn't.
    expect(outcome(1, 3 * 127)).toEqual(expect.any(Number));
    expect(outcome(0, 3 * 127)).toEqual(expect.any(Number));
  });

  it('and the ring has room for the noise of an honest sum', () => {
    const { privacy } = plan;
    if (privacy.kind !== 'central') throw new Error('no central noise');
    expect(4 * 127 + 10 * Math.sqrt(privacy.variance)).toBeLessThan(half);
    const wide: PlanInput = {
      vector,
      cohort: { maxClients: 4 },
      clip: { kind: 'l2', norm: 1 },
      quantize: { bits: 8, range: 1 },
      privacy: { kind: 'central', variance: 2 ** 60, budget: { epsilon: 2, delta: 1e-5, rounds: 1 } },
    };
    expect(() => definePlan(wide)).toThrow(expect.objectContaining({ code: 'plan.sum-wraps' }));
  });
});
