/**
 * Which figures are asked for: whole groups such as `server`, or names and beginnings of names such as `server/n100`.
 */
export class Choice {
  readonly #asked: readonly string[];

  /** All of them unless some are named. */
  constructor(asked: readonly string[]) {
    this.#asked = asked;
  }

  /** Whether the group is wanted, or something in it. */
  hasGroup(group: string): boolean {
    return this.#asked.length === 0 || this.#asked.some((name) => name.split('/')[0] === group);
  }

  /** Whether the figure is wanted. */
  has(figure: string): boolean {
    return this.#asked.length === 0 || this.#asked.some((name) => figure.startsWith(name));
  }

  /** Whether a load whose figures are all called `load`, or `load/...`, has one that is wanted. */
  hasLoad(load: string): boolean {
    return this.#asked.length === 0 || this.#asked.some((name) => load.startsWith(name) || name.startsWith(`${load}/`));
  }
}
