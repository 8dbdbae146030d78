import type { WriteStream } from 'node:tty';
import * as util from 'node:util';

type Style = 'bold' | 'dim' | 'green' | 'yellow' | 'red';

/** Lines of text, with a last one that can change where the output is a terminal. */
export class Terminal {
  readonly #stream: NodeJS.WritableStream;
  readonly #live: boolean;
  readonly #colors: boolean;
  #status = '';

  constructor(stream: NodeJS.WritableStream & Partial<WriteStream>) {
    this.#stream = stream;
    this.#live = stream.isTTY === true && process.env.TERM !== 'dumb';
    // hasColors heeds TERM, NO_COLOR, FORCE_COLOR and their like.
    this.#colors = stream.isTTY === true && stream.hasColors?.() === true;
  }

  print(...lines: readonly string[]): void {
    this.#stream.write(`${this.#erase()}${lines.map((line) => `${line}\n`).join('')}${this.#status}`);
  }

  /** The changing last line; '' takes it away. Elsewhere than in a terminal it isn't shown. */
  status(line: string): void {
    if (!this.#live || line === this.#status) return;
    this.#stream.write(`${this.#erase()}${line}`);
    this.#status = line;
  }

  paint(style: Style, text: string): string {
    // Node has styleText since 20.12.
    return this.#colors ? (util.styleText?.(style, text) ?? text) : text;
  }

  #erase(): string {
    return this.#status === '' ? '' : '\r\u001b[2K';
  }
}
