/** What tables say of runs over several seeds. */

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Of the mean: sample deviation over sqrt(n). NaN for a single value. */
export function standardError(values: readonly number[]): number {
  const middle = mean(values);
  const squares = values.reduce((sum, value) => sum + (value - middle) ** 2, 0);
  return Math.sqrt(squares / (values.length - 1) / values.length);
}

/** Accuracy of the last ten rounds: one round says little where clients differ. */
export function finalAccuracy(accuracies: readonly number[]): number {
  return mean(accuracies.slice(-10));
}

/** Mean over seeds, round by round. */
export function meanCurve(curves: readonly (readonly number[])[]): readonly number[] {
  return (curves[0] ?? []).map((_, round) => mean(curves.map((curve) => curve[round] ?? Number.NaN)));
}

/** Each round with the four before it: for the eye. */
export function smoothed(curve: readonly number[]): readonly number[] {
  return curve.map((_, round) => mean(curve.slice(Math.max(0, round - 4), round + 1)));
}

export const percent = (part: number): string => `${(100 * part).toFixed(1)}%`;

/** In points, with its standard error: +0.3 ± 0.2. */
export function points(differences: readonly number[]): string {
  const middle = 100 * mean(differences);
  const sign = middle < 0 ? '' : '+';
  const error = standardError(differences);
  return `${sign}${middle.toFixed(1)}${Number.isNaN(error) ? '' : ` ± ${(100 * error).toFixed(1)}`}`;
}
