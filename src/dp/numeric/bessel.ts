/** The Skellam distribution's masses, which are modified Bessel functions. */

/**
 * Masses of Skellam noise (the difference of two Poissons of `variance`/2) at 0, 1, ..., until they fall below `least`
 * times the largest; the distribution is symmetric. Relative error below 1e-13: by Miller's backward recurrence for
 * e^-x I_k(x), all of whose steps add positive numbers, normalized by the sum of all masses being 1.
 */
export function skellamMasses(variance: number, least = 1e-300): Float64Array {
  // -ln of the mass ratio at k is about variance h(k/variance) >= k asinh(k/variance)/2; past this k it is below
  // `least`.
  const wanted = -Math.log(least) + 5;
  let top = Math.ceil(Math.sqrt(2 * wanted * variance)) + 20;
  while ((top / 2) * Math.asinh(top / variance) < wanted) top = Math.ceil(top * 1.3);
  const start = Math.ceil(top * 1.2) + 60;
  const masses = new Float64Array(top + 1);
  const logs = new Float64Array(top + 1);
  let above = 0;
  let here = 1;
  let sum = 0;
  let scale = 0;
  // Rescales as the values grow; what is kept is the value and the logarithm of the unit it is in.
  for (let k = start; k >= 0; k -= 1) {
    if (k <= top) {
      masses[k] = here;
      logs[k] = scale;
    }
    sum += k === 0 ? here : 2 * here;
    const below = above + ((2 * k) / variance) * here;
    above = here;
    here = below;
    if (here > 1e200) {
      here *= 1e-200;
      above *= 1e-200;
      sum *= 1e-200;
      scale += 200 * Math.LN10;
    }
  }
  for (let k = 0; k <= top; k += 1) masses[k] = ((masses[k] as number) / sum) * Math.exp((logs[k] as number) - scale);
  return masses;
}
