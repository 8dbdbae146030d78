/** Gives `length` fresh, cryptographically secure random bytes; tests and the simulation pass a seeded one. */
export type RandomSource = (length: number) => Uint8Array;
