/** Smooth losses: Gaussian, Laplace, and any of them on a Poisson sample. */
import { normalTail } from '../../numeric/erfc.js';
import { gaussianDelta } from '../analytic-gaussian.js';
import type { SmoothLoss, Tails } from './loss.js';

const noAtoms = { low: 0, high: 0 };

/** N(mu, 1) against N(0, 1): the loss is N(mu^2/2, mu^2). */
export function gaussianLoss(mu: number): SmoothLoss {
  return {
    kind: 'smooth',
    lowest: Number.NEGATIVE_INFINITY,
    highest: Number.POSITIVE_INFINITY,
    atoms: noAtoms,
    delta: (epsilon) => gaussianDelta(mu, epsilon),
    tails(loss, into) {
      const x = loss / mu + mu / 2;
      const p = normalTail(Math.abs(x - mu));
      const q = normalTail(Math.abs(x));
      // Only the smaller of two complementary tails needs relative accuracy.
      into.pAbove = x > mu ? p : 1 - p;
      into.pBelow = x > mu ? 1 - p : p;
      into.qAbove = x > 0 ? q : 1 - q;
      into.qBelow = x > 0 ? 1 - q : q;
    },
  };
}

/** Laplace noise of scale 1 moved by `shift`: the loss runs from -shift to shift, with an atom at both ends. */
export function laplaceLoss(shift: number): SmoothLoss {
  return {
    kind: 'smooth',
    lowest: -shift,
    highest: shift,
    atoms: { low: 0.5 * Math.exp(-shift), high: 0.5 },
    delta(epsilon) {
      if (epsilon >= shift) return 0;
      if (epsilon <= -shift) return -Math.expm1(epsilon);
      return -Math.expm1((epsilon - shift) / 2);
    },
    tails(loss, into) {
      if (loss >= shift) return setTails(into, 0, 1, 0, 1);
      if (loss < -shift) return setTails(into, 1, 0, 1, 0);
      // loss > l where the output is below (shift - l)/2.
      const x = (shift - loss) / 2;
      const below = 0.5 * Math.exp(-x);
      const above = 0.5 * Math.exp(x - shift);
      setTails(into, 1 - below, below, above, 1 - above);
    },
  };
}

function setTails(into: Tails, pAbove: number, pBelow: number, qAbove: number, qBelow: number): void {
  into.pAbove = pAbove;
  into.pBelow = pBelow;
  into.qAbove = qAbove;
  into.qBelow = qBelow;
}

/**
 * (1-q) Q + q P against Q, the loss of removing a record that was sampled with probability q (Zhu, Dong, Wang, "Optimal
 * accounting of differential privacy via characteristic function" 2022, Theorem 11).
 */
export function sampledRemove(base: SmoothLoss, q: number): SmoothLoss {
  const up = (loss: number): number => Math.log1p(q * Math.expm1(loss));
  const down = (loss: number): number => Math.log1p(Math.expm1(loss) / q);
  return {
    kind: 'smooth',
    lowest: up(base.lowest),
    highest: base.highest > 700 ? base.highest + Math.log(q) : up(base.highest),
    atoms: {
      low: base.atoms.low === 0 ? 0 : base.atoms.low * (q + (1 - q) * Math.exp(-base.lowest)),
      high: base.atoms.high === 0 ? 0 : base.atoms.high * (q + (1 - q) * Math.exp(-base.highest)),
    },
    delta(epsilon) {
      const grown = Math.expm1(epsilon) / q;
      return grown <= -1 ? -Math.expm1(epsilon) : q * base.delta(Math.log1p(grown));
    },
    tails(loss, into) {
      if (Math.expm1(loss) / q <= -1) return setTails(into, 1, 0, 1, 0);
      base.tails(loss > 700 ? loss - Math.log(q) : down(loss), into);
      into.pAbove = (1 - q) * into.qAbove + q * into.pAbove;
      into.pBelow = (1 - q) * into.qBelow + q * into.pBelow;
    },
  };
}

/** P against (1-q) P + q Q, the loss of adding a record that is then sampled with probability q. */
export function sampledAdd(base: SmoothLoss, q: number): SmoothLoss {
  const up = (loss: number): number => -Math.log1p(q * Math.expm1(-loss));
  return {
    kind: 'smooth',
    lowest: base.lowest < -700 ? base.lowest - Math.log(q) : up(base.lowest),
    highest: up(base.highest),
    atoms: base.atoms,
    delta(epsilon) {
      // (1 - (1-q) e^epsilon) delta_base(ln(q e^epsilon / (1 - (1-q) e^epsilon))).
      const rest = 1 + (1 - 1 / q) * Math.expm1(epsilon);
      return rest <= 0 ? 0 : rest * q * base.delta(epsilon - Math.log(rest));
    },
    tails(loss, into) {
      const grown = Math.expm1(-loss) / q;
      if (grown <= -1) return setTails(into, 0, 1, 0, 1);
      base.tails(loss < -700 ? loss + Math.log(q) : -Math.log1p(grown), into);
      into.qAbove = (1 - q) * into.pAbove + q * into.qAbove;
      into.qBelow = (1 - q) * into.pBelow + q * into.qBelow;
    },
  };
}

/**
 * A replaced record on a Poisson sample of a Gaussian sum: (1-q) N(0, 1) + q N(mu, 1) against (1-q) N(0, 1) + q N(-mu,
 * 1), mu the clip norm over the standard deviation. The loss is increasing and odd in the output, so it is its own
 * mirror image.
 */
export function sampledReplace(mu: number, q: number): SmoothLoss {
  const logScale = Math.log((1 - q) / q) + (mu * mu) / 2;
  /** The output x with the given loss: e^(mu x) = e^(loss/2) e^asinh((1-q)/q e^(mu^2/2) sinh(loss/2)). */
  const output = (loss: number): number => {
    const half = loss / 2;
    const logSize = logScale + Math.log(Math.abs(Math.sinh(half)));
    const bent = logSize > 300 ? logSize + Math.LN2 : Math.asinh(Math.exp(logSize));
    return (half + Math.sign(half) * bent) / mu;
  };
  const tailsAt = (x: number, into: Tails): void => {
    const above = normalTail(x);
    const below = normalTail(-x);
    into.pAbove = (1 - q) * above + q * normalTail(x - mu);
    into.pBelow = (1 - q) * below + q * normalTail(mu - x);
    into.qAbove = (1 - q) * above + q * normalTail(x + mu);
    into.qBelow = (1 - q) * below + q * normalTail(-x - mu);
  };
  const at = { pAbove: 0, pBelow: 0, qAbove: 0, qBelow: 0 };
  return {
    kind: 'smooth',
    lowest: Number.NEGATIVE_INFINITY,
    highest: Number.POSITIVE_INFINITY,
    atoms: noAtoms,
    delta(epsilon) {
      const x = output(epsilon);
      tailsAt(x, at);
      return Math.max(0, at.pAbove - (at.qAbove === 0 ? 0 : Math.exp(epsilon + Math.log(at.qAbove))));
    },
    tails: (loss, into) => tailsAt(output(loss), into),
  };
}
