/** Append-only history: who did what, hash-chained per repository and once for the rest. */
export {
  appendAudit,
  EVENTS_CHANNEL,
  GLOBAL_CHAIN,
  type NewAuditEvent,
  OUTBOX_CHANNEL,
  type OutboxTopic,
} from './append.js';
export { readChain, readChainHeads } from './chain.js';
export { type Checkpoint, readCheckpoints, writeCheckpoint } from './checkpoint.js';
export { GENESIS, type HashedEvent, hashEvent, hashLink } from './event.js';
export { splitLines } from './export/lines.js';
export type { ExportReport, Finding } from './export/problem.js';
export { verifyExport } from './export/verify.js';
export { type ExportCursor, type ExportOptions, exportAudit } from './export/write.js';
export {
  type AuditAudience,
  type AuditEvent,
  type AuditList,
  getAudit,
  getPublicAudit,
  listAudit,
  listPublicAudit,
} from './list.js';
export { placeEvents } from './place.js';
export {
  type AuditFilters,
  type AuditKey,
  type AuditPage,
  auditKey,
  canonicalAction,
  parseAuditQuery,
} from './query.js';
export { auditEventObject } from './schemas.js';
export { loadServerKey } from './server-key.js';
export { readChainEvents, readPlacedEvents, type StreamedEvent, type StreamPage, streamEnd } from './stream.js';
export { type ChainLink, type ChainProblem, type ChainRow, type ChainVerdict, verifyChain } from './verify.js';
