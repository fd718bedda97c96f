/**
 * The log of a run as server-sent events (WHATWG HTML, section 9.2) while it is written.
 *
 * `log` carries `{step, stream, text}` in order of arrival, `restart` tells that another runner began anew, `end` carries
 * `{status}`. A run that has ended long ago gives its whole log in one `log` event without step.
 */
import type { SSEStreamingApi } from 'hono/streaming';
import type { AppContext } from '../context.js';
import { findChunks } from './log-store.js';
import { readLog } from './log-text.js';
import { isFinal } from './run.js';
import { findRun } from './store.js';

const POLL_MS = 300;
const BATCH = 100;
/** Proxies close connections on which nothing moves. */
const KEEP_ALIVE_MS = 15_000;
/** A client that is cut off comes back by itself with the id of the last event it saw. */
const MAX_MS = 10 * 60_000;

/** @param lastEventId `{fence}-{seq}` of the last event that the client has seen */
export async function followLog(
  ctx: AppContext,
  stream: SSEStreamingApi,
  { prId, runId }: { prId: string; runId: string },
  lastEventId: string | undefined,
): Promise<void> {
  const seen = /^(\d{1,9})-(\d{1,9})$/.exec(lastEventId ?? '');
  let [fence, seq] = [Number(seen?.[1] ?? 0), Number(seen?.[2] ?? 0)];
  const endsAt = performance.now() + MAX_MS;
  let quietSince = performance.now();
  while (!stream.aborted && performance.now() < endsAt) {
    // Before the chunks, so that an end seen here means that all of them are there.
    const run = await findRun(ctx.db, prId, runId);
    if (run === undefined) return;
    if (run.fence !== fence) {
      if (fence !== 0) await stream.writeSSE({ event: 'restart', data: '{}' });
      [fence, seq] = [run.fence, 0];
    }
    const chunks = await findChunks(ctx.db, runId, fence, seq, BATCH);
    for (const { stepOrder: step, stream: name, text, ...chunk } of chunks) {
      seq = chunk.seq;
      await stream.writeSSE({
        event: 'log',
        id: `${fence}-${seq}`,
        data: JSON.stringify({ step, stream: name, text }),
      });
    }
    if (chunks.length > 0) quietSince = performance.now();
    if (chunks.length === BATCH) continue;
    if (isFinal(run.status)) {
      if (seq === 0) {
        const text = await readLog(ctx, run);
        await stream.writeSSE({ event: 'log', data: JSON.stringify({ step: null, stream: 'log', text }) });
      }
      await stream.writeSSE({ event: 'end', data: JSON.stringify({ status: run.status }) });
      return;
    }
    if (performance.now() - quietSince > KEEP_ALIVE_MS) {
      await stream.write(': still running\n\n');
      quietSince = performance.now();
    }
    await stream.sleep(POLL_MS);
  }
}
