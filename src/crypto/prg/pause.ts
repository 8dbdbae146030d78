/**
 * Lets the event loop turn once, so that a page can paint and answer. By a message, not a timer: browsers hold timers
 * that are set in a row back by 4 ms each.
 */
export function pause(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close(); // an open port would keep Node alive
      resolve();
    };
    port2.postMessage(undefined);
  });
}

/** Milliseconds of work after which the event loop is let to turn. */
const turn = 8;

/**
 * Calls `pause` when it is due. The clock only paces: nothing that is computed depends on it.
 *
 * @returns a function to call between steps of the work; there is something to await if it returned something
 */
export function pacer(pause: () => Promise<void>): () => Promise<void> | undefined {
  let since = performance.now();
  return () => {
    if (performance.now() - since < turn) return undefined;
    return pause().then(() => {
      since = performance.now();
    });
  };
}
