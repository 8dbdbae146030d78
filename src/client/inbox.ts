/** Messages that came and weren't taken yet, in order, for one reader. */
export class Inbox {
  readonly #messages: Uint8Array[] = [];
  #end: { readonly error: unknown } | undefined;
  #wake: () => void = () => undefined;

  get size(): number {
    return this.#messages.length;
  }

  push(message: Uint8Array): void {
    if (this.#end !== undefined) return;
    this.#messages.push(message);
    this.#wake();
  }

  /** Nothing comes any more: what is there can still be taken, then `next` rejects with `error`. */
  end(error: unknown): void {
    this.#end ??= { error };
    this.#wake();
  }

  async next(): Promise<Uint8Array> {
    for (;;) {
      const message = this.#messages.shift();
      if (message !== undefined) return message;
      if (this.#end !== undefined) throw this.#end.error;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
