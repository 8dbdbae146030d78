import { UsageError } from '../../src/core/errors.js';
import {
  chooseParameters,
  type ParameterOptions,
  type SessionParameters,
  type Threat,
} from '../../src/secagg/parameters.js';

export const THREATS: readonly Threat[] = ['semi-honest', 'malicious'];

/** The parameters, or undefined where the request is refused as impossible. */
export function chosen(options: ParameterOptions): SessionParameters | undefined {
  try {
    return chooseParameters(options);
  } catch (error) {
    if (error instanceof UsageError && error.code === 'parameters.impossible') return undefined;
    throw error;
  }
}
