import { describe } from 'vitest';
import { thousand } from './thousand.js';

/**
 * Fewer bits and corrupt clients than anybody should reckon with, so that k, and the time, stay small. The seed is
 * fixed, so luck has no say.
 */
const fewBits = { dropout: 0.3, securityBits: 10, grindingBits: 0, correctnessBits: 1 };

describe('a thousand clients on a sparse graph', () => {
  thousand({ threat: 'semi-honest', graph: { assumptions: { ...fewBits, corrupt: 0.01 } }, tooMany: 0.9 }, 150_000);
  thousand({ threat: 'malicious', graph: { assumptions: { ...fewBits, corrupt: 0.001 } }, tooMany: 0.7 }, 150_000);
});
