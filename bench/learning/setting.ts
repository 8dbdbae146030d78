/** Clients of the learning benchmark, and how many of them take part in a round. */
export const clients = 50;
export const perRound = 10;
