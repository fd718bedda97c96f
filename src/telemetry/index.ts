/** What a node tells about itself: measurements, log and traces. */
export { backgroundMetrics } from './instruments/background.js';
export { gitMetrics } from './instruments/git.js';
export { type PoolState, poolMetrics } from './instruments/pool.js';
export { processMetrics } from './instruments/process.js';
export { createLog } from './log.js';
export { openTracing } from './open-tracing.js';
export { redactor } from './redact.js';
export { inSpan, linkOutbox, notePhase, outboxSpan, recordSpan } from './spans.js';
export type { Attributes, RunningSpan, SpanIdentity, SpanOptions, Tracing } from './tracing.js';
