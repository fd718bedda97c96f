/** What an audit event is, and the bytes that its hash covers. */
import { createHash } from 'node:crypto';
import { canonicalize } from '../signing/index.js';

/** An event with everything that {@link hashEvent} covers. */
export interface HashedEvent {
  eventId: string;
  agentId: string;
  action: string;
  resourceType: string;
  resourceId: string;
  data: Record<string, unknown>;
  /** Whole milliseconds. */
  timestamp: Date;
  signature: string;
  keyId: string | null;
  /** What was signed, verbatim; null when nothing was. */
  envelope: string | null;
  chainId: string;
}

/** What the first event of a chain follows. */
export const GENESIS = '0'.repeat(64);

/** Hex SHA-256 of the canonical JSON (RFC 8785) of the event; the time is written `YYYY-MM-DDTHH:MM:SS.mmmZ`. */
export function hashEvent(event: HashedEvent): string {
  const { eventId, agentId, action, resourceType, resourceId, data, timestamp, signature, keyId, envelope, chainId } =
    event;
  const covered = { eventId, agentId, action, resourceType, resourceId, data, signature, keyId, envelope, chainId };
  return sha256(canonicalize({ ...covered, timestamp: timestamp.toISOString() }));
}

/** Hex SHA-256 of the previous chain hash followed by the event hash, both as lower-case hex text. */
export function hashLink(previous: string, eventHash: string): string {
  return sha256(previous + eventHash);
}

function sha256(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex');
}

/**
 * A value as it will come back out of JSONB, so that what is hashed can be computed again from what is stored:
 * plain JSON, and without the two things Postgres cannot keep in a string, NUL and lone surrogates.
 */
export function storable(value: unknown): unknown {
  return repair(JSON.parse(JSON.stringify(value)));
}

/** {@link storable} for a single text. */
export function storableText(text: string): string {
  return text.replaceAll('\0', '\ufffd').replace(/\p{Surrogate}/gu, '\ufffd');
}

function repair(value: unknown): unknown {
  if (typeof value === 'string') return storableText(value);
  if (Array.isArray(value)) return value.map(repair);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [storableText(key), repair(item)]));
}
