/** Waiting for many things of which some may never come. */

/**
 * The values of `promises`, in order, once all are there; or those that are, one at least, once `patience` milliseconds have passed since the last
 * came. Rejects as soon as one does.
 */
export function allWithin<T>(promises: readonly Promise<T>[], patience: number): Promise<readonly T[]> {
  return new Promise((resolve, reject) => {
    const values = new Map<number, T>();
    let timer: NodeJS.Timeout | undefined;
    const finish = (): void => {
      clearTimeout(timer);
      resolve([...values].sort(([a], [b]) => a - b).map(([, value]) => value));
    };
    for (const [i, promise] of promises.entries())
      promise.then((value) => {
        values.set(i, value);
        clearTimeout(timer);
        if (values.size === promises.length) finish();
        else timer = setTimeout(finish, patience);
      }, reject);
  });
}
