/** Patience with what a busy machine does late. */
import { AbortError } from 'veilsum';

/**
 * The values of `promises`, in order, once all are there; or those that are, one at least, once `patience` milliseconds
 * have passed since the last came. Rejects as soon as one does.
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

/**
 * What `action` comes to; tried anew, after `pause` milliseconds, where a connection couldn't be made or was lost,
 * `attempts` times in all.
 */
export async function reconnecting<T>(
  action: () => Promise<T>,
  { attempts, pause }: { readonly attempts: number; readonly pause: number },
): Promise<T> {
  for (let left = attempts - 1; ; left--) {
    try {
      return await action();
    } catch (error) {
      const lost = error instanceof AbortError && error.code.startsWith('connection.');
      if (!lost || left <= 0) throw error;
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
}
