/**
 * The complementary error function to full double precision, scaled and unscaled, and the normal tails made of it.
 *
 * Rational Chebyshev approximations of W. J. Cody, "Rational Chebyshev approximations for the error function",
 * Mathematics of Computation 23 (1969), in the three ranges of his CALERF.
 */

const nearA = [3.1611237438705655, 113.86415415105016, 377.485237685302, 3209.3775891384694, 0.18577770618460315];
const nearB = [23.601290952344122, 244.02463793444417, 1282.6165260773723, 2844.236833439171];
const midC = [
  0.5641884969886701, 8.883149794388377, 66.11919063714163, 298.6351381974001, 881.952221241769, 1712.0476126340707,
  2051.0783778260716, 1230.3393547979972, 2.1531153547440383e-8,
];
const midD = [
  15.744926110709835, 117.6939508913125, 537.1811018620099, 1621.3895745666903, 3290.7992357334597, 4362.619090143247,
  3439.3676741437216, 1230.3393548037495,
];
const farP = [
  0.30532663496123236, 0.36034489994980445, 0.12578172611122926, 0.016083785148742275, 0.0006587491615298378,
  0.016315387137302097,
];
const farQ = [2.568520192289822, 1.8729528499234673, 0.5279051029514285, 0.06051834131244132, 0.0023352049762686918];

const inverseRootPi = 0.5641895835477563;

/**
 * Cody's form: the last numerator coefficient leads, the others follow against a monic denominator of the same count.
 * Past the denominator's end both take their constant term.
 */
function ratio(x: number, numerator: readonly number[], denominator: readonly number[]): number {
  const last = denominator.length - 1;
  let top = (numerator[numerator.length - 1] ?? 0) * x;
  let bottom = x;
  for (let i = 0; i < last; i += 1) {
    top = (top + (numerator[i] ?? 0)) * x;
    bottom = (bottom + (denominator[i] ?? 0)) * x;
  }
  return (top + (numerator[last] ?? 0)) / (bottom + (denominator[last] ?? 0));
}

/** e^(x^2) erfc(x) for x > 0.46875. */
function scaledTail(x: number): number {
  if (x <= 4) return ratio(x, midC, midD);
  if (x >= 6.71e7) return inverseRootPi / x;
  const inverseSquare = 1 / (x * x);
  return (inverseRootPi - inverseSquare * ratio(inverseSquare, farP, farQ)) / x;
}

/** e^(-x^2), with the square split so that its rounding does not reach the result. */
function gaussian(x: number): number {
  const head = Math.trunc(x * 16) / 16;
  return Math.exp(-head * head) * Math.exp(-(x - head) * (x + head));
}

/** The error function: odd, from -1 to 1. Relative error below 1e-15. */
export function erf(x: number): number {
  return Math.abs(x) <= 0.46875 ? x * ratio(x * x, nearA, nearB) : x > 0 ? 1 - erfc(x) : erfc(-x) - 1;
}

/** 1 - erf(x), relative error below 1e-15 (in the far tail, 1e-15 + 2 x^2 ulp of the argument); 0 past 27.3. */
export function erfc(x: number): number {
  const size = Math.abs(x);
  if (size <= 0.46875) return 1 - erf(x);
  const tail = size > 27.3 ? 0 : gaussian(size) * scaledTail(size);
  return x < 0 ? 2 - tail : tail;
}

/** e^(x^2) erfc(x): the tail without its exponential decay. Infinite below -26.6. */
export function erfcx(x: number): number {
  if (Math.abs(x) <= 0.46875) return Math.exp(x * x) * erfc(x);
  if (x > 0) return scaledTail(x);
  return x < -26.7 ? Number.POSITIVE_INFINITY : 2 / gaussian(-x) - scaledTail(-x);
}

/** Pr[N(0,1) > z], with full relative accuracy in the far tail. */
export function normalTail(z: number): number {
  return 0.5 * erfc(z * Math.SQRT1_2);
}

/** ln Pr[N(0,1) > z], which does not underflow. */
export function logNormalTail(z: number): number {
  if (z < 5) return Math.log(normalTail(z));
  return -0.5 * z * z + Math.log(0.5 * erfcx(z * Math.SQRT1_2));
}
