/** How a connection ended: a WebSocket close code (RFC 6455 section 7.4) and a reason for people. */
export interface SocketEnd {
  readonly code: number;
  readonly reason: string;
}

export interface SocketListener {
  readonly open: () => void;
  /** A binary message; one of text comes as an empty array, which no protocol message is. */
  readonly message: (message: Uint8Array) => void;
  /** Once, also if the connection was never made. */
  readonly end: (end: SocketEnd) => void;
}

/** The platform's WebSocket, as much of it as a client needs. */
export interface Socket {
  /** Bytes that were given to `send` and haven't left this machine's memory. */
  readonly buffered: () => number;
  readonly send: (message: Uint8Array) => void;
  /** Says goodbye and ends the connection once everything sent has left. */
  readonly close: () => void;
  /** Ends the connection at once, as far as the platform lets go of it. */
  readonly drop: () => void;
}

/** The browser's WebSocket; package.json's `imports` picks this file or its Node twin. */
export function openSocket(url: string, listener: SocketListener): Socket {
  const socket = new WebSocket(url);
  socket.binaryType = 'arraybuffer';
  socket.onopen = () => listener.open();
  socket.onmessage = ({ data }: MessageEvent<unknown>) =>
    listener.message(data instanceof ArrayBuffer ? new Uint8Array(data) : new Uint8Array());
  socket.onclose = ({ code, reason }) => listener.end({ code, reason });
  const close = (): void => socket.close(1000);
  return {
    buffered: () => socket.bufferedAmount,
    // A view of a shared buffer is the one thing a browser refuses; nothing here makes any.
    send: (message) => socket.send(message as Uint8Array<ArrayBuffer>),
    close,
    drop: close,
  };
}
