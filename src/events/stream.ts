/** Events as text/event-stream (HTML standard, section 9.2 "Server-sent events"). */
import type { StreamedEvent, StreamPage } from '../audit/index.js';
import type { Seat } from './hub.js';

/** Below the idle time-outs of common proxies. */
const HEARTBEAT_MS = 15_000;
/** After this a client comes back with a fresh signature, so that a revoked key or a suspension ends its streams too. */
const MAX_AGE_MS = 3_600_000;
/** How long a client waits before it comes back. */
const RETRY_MS = 2_000;

export interface Source {
  /** The next page behind a place. @throws to end the stream, when the reader may no longer see it */
  read(after: number): Promise<StreamPage>;
}

export interface StreamOptions {
  after: number;
  /** False = end after what is there now. */
  follow: boolean;
  seat: Seat;
  pollMs: number;
  /** What went wrong while the answer was under way. */
  failed(error: unknown): void;
}

/** The body of an answer. It reads on only when the client has taken what was sent, and stops when the client leaves. */
export function eventStream(source: Source, { after, follow, seat, pollMs, failed }: StreamOptions): ReadableStream {
  const { stop } = seat;
  let cancelled = false;
  const text = new TextEncoder();
  const started = performance.now();
  let last = after;
  let opened = false;
  let heard = started;

  const next = async (): Promise<string | undefined> => {
    if (!opened) {
      opened = true;
      return `retry: ${RETRY_MS}\n\n`;
    }
    while (!stop.aborted && performance.now() - started < MAX_AGE_MS) {
      const page = await source.read(last);
      last = page.last;
      if (page.events.length > 0) return page.events.map(frame).join('');
      if (page.more) continue;
      if (!follow) return undefined;
      const quiet = performance.now() - heard;
      if (quiet >= HEARTBEAT_MS) return ': still here\n\n';
      await seat.bell.sleep(Math.min(pollMs, HEARTBEAT_MS - quiet), stop);
    }
    return undefined;
  };

  return new ReadableStream({
    async pull(controller) {
      try {
        const chunk = await next();
        heard = performance.now();
        if (chunk !== undefined) return controller.enqueue(text.encode(chunk));
      } catch (error) {
        failed(error);
      }
      seat.leave();
      // A stream that ends is taken up again by the client, from the last id it saw.
      if (!cancelled) controller.close();
    },
    cancel() {
      cancelled = true;
      seat.leave();
    },
  });
}

/** JSON has no line ends, so one `data` line holds it. Actions are words of our own. */
function frame({ place, event }: StreamedEvent): string {
  return `id: ${place}\nevent: ${event.action}\ndata: ${JSON.stringify(event)}\n\n`;
}
