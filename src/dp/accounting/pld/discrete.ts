/** Discrete losses: integer noise, randomized response, (epsilon, delta), and any of them on a Poisson sample. */
import { UsageError } from '../../../core/errors.js';
import { skellamMasses } from '../../numeric/bessel.js';
import { type DiscreteLoss, supremum } from './loss.js';

const mostAtoms = 2 ** 22;
/** Noise beyond this many standard deviations, with mass below 1e-300, is cut. */
const reachDeviations = 38;

function checkAtoms(count: number): void {
  if (count > mostAtoms)
    throw new UsageError(
      'dp.unsupported',
      'the PLD accountant would need over four million atoms: use the RDP accountant',
    );
}

/** Atoms from masses of noise at -reach..reach, moved by `shift`, with the loss at each output of P's side given. */
function fromNoise(
  mass: (k: number) => number,
  loss: (k: number) => number,
  reach: number,
  shift: number,
): DiscreteLoss {
  checkAtoms(2 * reach + 1);
  const losses: number[] = [];
  const p: number[] = [];
  let infinite = 0;
  for (let k = reach; k >= -reach; k -= 1) {
    const m = mass(k);
    if (m === 0) continue;
    const value = loss(k);
    // Outputs that the other side reaches only past what was kept.
    if (k - shift < -reach || !Number.isFinite(value)) infinite += m;
    else if (losses.length > 0 && losses[losses.length - 1] === value) p[p.length - 1] = (p[p.length - 1] ?? 0) + m;
    else {
      losses.push(value);
      p.push(m);
    }
  }
  return { kind: 'discrete', losses: Float64Array.from(losses), p: Float64Array.from(p), infinite, dropped: 0 };
}

/** The discrete Gaussian of parameter `sigmaSquared` against itself moved by the integer `shift`. */
export function discreteGaussianLoss(sigmaSquared: number, shift: number): DiscreteLoss {
  const reach = Math.ceil(reachDeviations * Math.sqrt(sigmaSquared)) + shift + 1;
  checkAtoms(2 * reach + 1);
  let sum = 1;
  for (let k = 1; k <= reach; k += 1) sum += 2 * Math.exp((-k * k) / (2 * sigmaSquared));
  const atoms = fromNoise(
    (k) => Math.exp((-k * k) / (2 * sigmaSquared)) / sum,
    (k) => (shift * (shift - 2 * k)) / (2 * sigmaSquared),
    reach,
    shift,
  );
  const lattice = shift / (shift % 2 === 0 ? sigmaSquared : 2 * sigmaSquared);
  return { ...atoms, lattice, supremum: Number.POSITIVE_INFINITY };
}

/**
 * Discrete Laplace noise of the given scale against itself moved by the integer `shift`. The half-lines have one loss
 * each.
 */
export function discreteLaplaceLoss(scale: number, shift: number): DiscreteLoss {
  checkAtoms(shift + 1);
  const center = Math.tanh(0.5 / scale);
  const end = 1 / (1 + Math.exp(-1 / scale));
  const losses = new Float64Array(shift + 1);
  const p = new Float64Array(shift + 1);
  for (let k = 0; k <= shift; k += 1) {
    // At output shift - k of P's noise, from the far half-line to the near one.
    const at = shift - k;
    losses[k] = (shift - 2 * at) / scale;
    p[k] = at === 0 ? end : at === shift ? end * Math.exp(-shift / scale) : center * Math.exp(-at / scale);
  }
  return { kind: 'discrete', losses, p, infinite: 0, dropped: 0, lattice: (shift % 2 === 0 ? 2 : 1) / scale };
}

/** Skellam noise against itself moved by the integer `shift`. */
export function skellamLoss(variance: number, shift: number): DiscreteLoss {
  checkAtoms(2 * reachDeviations * Math.sqrt(variance));
  const masses = skellamMasses(variance);
  const mass = (k: number): number => masses[Math.abs(k)] ?? 0;
  const reach = masses.length - 1;
  const atoms = fromNoise(mass, (k) => Math.log(mass(k) / mass(k - shift)), reach, shift);
  return { ...atoms, supremum: Number.POSITIVE_INFINITY };
}

/**
 * k-ary randomized response for a replaced answer: the truth, the lie that tells most, and all others, which tell
 * nothing.
 */
export function randomizedResponseLoss(noise: number, buckets: number): DiscreteLoss {
  const lie = noise / buckets;
  const loss = Math.log1p((1 - noise) / lie);
  if (loss === 0)
    return { kind: 'discrete', losses: Float64Array.of(0), p: Float64Array.of(1), infinite: 0, dropped: 0 };
  const losses = Float64Array.of(-loss, 0, loss);
  const p = Float64Array.of(lie, (buckets - 2) * lie, 1 - noise + lie);
  return { kind: 'discrete', losses, p, infinite: 0, dropped: 0, lattice: loss };
}

/** The worst mechanism of (epsilon, delta) privacy (Kairouz, Oh, Viswanath 2015): with delta it tells all. */
export function epsilonDeltaLoss(epsilon: number, delta: number): DiscreteLoss {
  const finite = 1 - delta;
  if (epsilon === 0)
    return { kind: 'discrete', losses: Float64Array.of(0), p: Float64Array.of(finite), infinite: delta, dropped: 0 };
  const high = finite / (1 + Math.exp(-epsilon));
  const p = Float64Array.of(high * Math.exp(-epsilon), high);
  return {
    kind: 'discrete',
    losses: Float64Array.of(-epsilon, epsilon),
    p,
    infinite: delta,
    dropped: 0,
    lattice: epsilon,
  };
}

/** As `sampledRemove` of smooth losses. */
export function sampledRemoveDiscrete(base: DiscreteLoss, q: number): DiscreteLoss {
  const up = (loss: number): number => (loss > 700 ? loss + Math.log(q) : Math.log1p(q * Math.expm1(loss)));
  return {
    kind: 'discrete',
    losses: base.losses.map(up),
    p: base.p.map((mass, i) => mass * (q + (1 - q) * Math.exp(-(base.losses[i] as number)))),
    infinite: q * base.infinite,
    dropped: base.dropped,
    supremum: up(supremum(base)),
  };
}

/** As `sampledAdd` of smooth losses: where Q had no mass, the mixture has (1-q) of P's. */
export function sampledAddDiscrete(base: DiscreteLoss, q: number): DiscreteLoss {
  const up = (loss: number): number => -Math.log1p(q * Math.expm1(-loss));
  const losses = Array.from(base.losses, up);
  const p = Array.from(base.p);
  if (base.infinite > 0) {
    losses.push(-Math.log1p(-q));
    p.push(base.infinite);
  }
  return {
    kind: 'discrete',
    losses: Float64Array.from(losses),
    p: Float64Array.from(p),
    infinite: 0,
    dropped: base.dropped,
    supremum: base.infinite > 0 ? -Math.log1p(-q) : up(supremum(base)),
  };
}
