import type { Socket } from 'node:net';

export interface Traffic {
  bytesIn: number;
  bytesOut: number;
}

/** What had passed through a connection when the last request on it ended. */
const ended = new WeakMap<Socket, Traffic>();

/**
 * Counts the bytes of one exchange on the wire, headers included, by the counters that the connection keeps anyway.
 * @returns to be called once when the exchange has ended
 */
export function countTraffic(socket: Socket): () => Traffic {
  const before = ended.get(socket) ?? { bytesIn: 0, bytesOut: 0 };
  return () => {
    const now = { bytesIn: socket.bytesRead, bytesOut: socket.bytesWritten };
    ended.set(socket, now);
    return { bytesIn: now.bytesIn - before.bytesIn, bytesOut: now.bytesOut - before.bytesOut };
  };
}
