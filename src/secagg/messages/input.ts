import { tagLength } from '../context.js';
import { limits } from '../limits.js';
import { readMessage, writeMessage } from './envelope.js';

/** Client to server, phase 3, many: the next bytes of the packed masked input. */
export interface InputChunk {
  /** Where the bytes belong in the packed input; chunks come in order and without gaps. */
  readonly offset: number;
  readonly data: Uint8Array;
}

/** Bytes of the message beside its data: type, tag, offset and the data's length. */
const overhead = 1 + tagLength + 4 + 4;

export function encodeInput(tag: Uint8Array, { offset, data }: InputChunk): Uint8Array {
  return writeMessage('input', tag, overhead + data.length)
    .uint32(offset)
    .opaque(data, limits.chunk)
    .finish();
}

/** `data` is a view of `message`: copy what is kept. */
export function decodeInput(tag: Uint8Array, message: Uint8Array): InputChunk {
  const reader = readMessage('input', tag, message);
  const offset = reader.uint32('offset');
  const data = reader.view(reader.count(limits.chunk, 'data'), 'data');
  reader.end();
  return { offset, data };
}
