import { describe } from 'vitest';
import { thousand } from './thousand.js';

describe('a thousand clients on the complete graph', () => {
  thousand({ threat: 'semi-honest', graph: { degree: 999, threshold: 400 }, tooMany: 0.65 }, 1_000_000);
  thousand({ threat: 'malicious', graph: { degree: 999, threshold: 510 }, tooMany: 0.5 }, 1_000_000);
});
