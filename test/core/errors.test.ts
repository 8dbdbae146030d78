import { describe, expect, it } from 'vitest';
import { AbortError, InternalError, PeerError, UsageError, VeilsumError } from '../../src/core/errors.js';

describe('errors', () => {
  it.each([
    ['UsageError', UsageError],
    ['PeerError', PeerError],
    ['AbortError', AbortError],
    ['InternalError', InternalError],
  ])('%s is an Error with its name and code', (name, kind) => {
    const cause = new Error('why');
    const error = new kind('area.fault', 'what happened', { cause });
    expect(error).toBeInstanceOf(Error);
    expect(error).toBeInstanceOf(VeilsumError);
    expect(error).toMatchObject({ name, code: 'area.fault', message: 'what happened', cause });
    expect(String(error)).toBe(`${name}: what happened`);
  });

  it('the four are told apart', () => {
    const kinds = [UsageError, PeerError, AbortError, InternalError];
    for (const kind of kinds) {
      const error = new kind('a.b', 'c');
      expect(kinds.filter((other) => error instanceof other)).toEqual([kind]);
    }
  });

  it('PeerError says which peer, where it is known', () => {
    expect(new PeerError('a.b', 'c').peer).toBeUndefined();
    expect(new PeerError('a.b', 'c', { peer: 0 }).peer).toBe(0);
    expect(new PeerError('a.b', 'c', { peer: 'client 7' }).peer).toBe('client 7');
  });
});
