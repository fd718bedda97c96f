/** Reading the audit log for people and agents; what the public may not see is left out in the query. */
import { asDatabaseError, type Queryable } from '../db/index.js';
import { AppError } from '../errors.js';
import { type AuditFilters, type AuditPage, canonicalAction, parseAuditQuery } from './query.js';

/** An event as clients see it. */
export interface AuditEvent {
  eventId: string;
  agentId: string;
  action: string;
  resourceType: string;
  resourceId: string;
  data: Record<string, unknown>;
  /** `YYYY-MM-DDTHH:MM:SS.mmmZ` */
  timestamp: string;
  signature: string;
}

export interface AuditList extends AuditPage {
  events: AuditEvent[];
  /** Exact up to {@link COUNT_LIMIT}. */
  total: number;
  hasMore: boolean;
}

/**
 * Who reads. `public`: no events of private repositories, no reasons of non-public stars. `member`: no such reasons;
 * for readers whose right to see the repository was checked, so only with `repoId`. `admin`: everything.
 */
export type AuditAudience = 'public' | 'member' | 'admin';

/** Counting further would read the whole log for everyone who looks at its first page. */
export const COUNT_LIMIT = 100_000;

interface Context {
  readonly db: Queryable;
}

/** `GET /v1/audit`: newest first. @throws AppError VALIDATION_ERROR, INVALID_PAGINATION, DATABASE_ERROR */
export async function listPublicAudit(ctx: Context, query: URLSearchParams): Promise<AuditList> {
  return listAudit(ctx.db, parseAuditQuery(query), 'public');
}

/** `GET /v1/audit/{eventId}`. @throws AppError VALIDATION_ERROR when the id is no UUID; NOT_FOUND, also for what is hidden */
export async function getPublicAudit(ctx: Context, eventId: string): Promise<AuditEvent> {
  const event = await getAudit(ctx.db, eventId, 'public');
  if (event === undefined) throw new AppError('NOT_FOUND', { message: 'No such audit event.' });
  return event;
}

/** One event, or undefined. @throws AppError VALIDATION_ERROR when the id is no UUID */
export async function getAudit(
  db: Queryable,
  eventId: string,
  audience: AuditAudience,
): Promise<AuditEvent | undefined> {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(eventId)) {
    throw new AppError('VALIDATION_ERROR', { message: 'The event id is not a UUID.', details: { field: 'eventId' } });
  }
  const rows = await answer(db.sql<EventRow[]>`
    SELECT a.* FROM ${visible(db, audience)} WHERE a.event_id = ${eventId}::uuid`);
  return rows[0] && shape(rows[0], audience);
}

/** A page of events, newest first. `limit` and `offset` are taken as they are. @throws AppError DATABASE_ERROR */
export async function listAudit(
  db: Queryable,
  wanted: AuditFilters & AuditPage,
  audience: AuditAudience,
): Promise<AuditList> {
  const { limit, offset } = wanted;
  const where = conditions(db, wanted);
  const [rows, [count]] = await Promise.all([
    answer(db.sql<EventRow[]>`
      SELECT a.* FROM ${visible(db, audience)} WHERE ${where}
      ORDER BY a.timestamp DESC, a.seq DESC, a.event_id LIMIT ${limit} OFFSET ${offset}`),
    answer(db.sql<[{ total: number }]>`
      SELECT count(*) AS total FROM (
        SELECT 1 FROM ${visible(db, audience)} WHERE ${where} LIMIT ${Math.max(COUNT_LIMIT, offset + limit + 1)}
      ) AS counted`),
  ]);
  const { total } = count!;
  const events = rows.map((row) => shape(row, audience));
  return { events, total, limit, offset, hasMore: offset + events.length < total };
}

interface EventRow {
  event_id: string;
  agent_id: string;
  action: string;
  resource_type: string;
  resource_id: string;
  data: Record<string, unknown>;
  timestamp: Date;
  signature: string;
}

function conditions({ sql }: Queryable, wanted: AuditFilters) {
  return sql`true
    ${wanted.agentId === undefined ? sql`` : sql`AND a.agent_id = ${wanted.agentId}`}
    ${wanted.action === undefined ? sql`` : sql`AND a.action = ${canonicalAction(wanted.action)}`}
    ${wanted.resourceType === undefined ? sql`` : sql`AND a.resource_type = ${wanted.resourceType}`}
    ${wanted.resourceId === undefined ? sql`` : sql`AND a.resource_id = ${wanted.resourceId}`}
    ${wanted.repoId === undefined ? sql`` : sql`AND a.chain_id = ${wanted.repoId}`}
    ${wanted.from === undefined ? sql`` : sql`AND a.timestamp >= ${wanted.from}`}
    ${wanted.to === undefined ? sql`` : sql`AND a.timestamp <= ${wanted.to}`}`;
}

/**
 * The log as `a`, reduced to what the audience may see. An event is about the repository that it names; one of a
 * repository that is gone is public if that repository was made public, which the first link of its chain tells.
 */
function visible({ sql }: Queryable, audience: AuditAudience) {
  if (audience !== 'public') return sql`audit_log a`;
  const repo = sql`CASE
    WHEN l.resource_type = 'repository' THEN l.resource_id
    ELSE coalesce(l.data->>'repo_id', nullif(l.chain_id, 'global')) END`;
  return sql`(
    SELECT l.* FROM audit_log l
    LEFT JOIN repositories r ON r.repo_id = ${repo}
    WHERE ${repo} IS NULL OR r.visibility = 'public' OR (r.repo_id IS NULL AND EXISTS (
      SELECT 1 FROM audit_log first WHERE first.chain_id = ${repo} AND first.seq = 1
      AND first.action = 'repo_create' AND first.data->>'visibility' = 'public'))
  ) a`;
}

function shape(row: EventRow, audience: AuditAudience): AuditEvent {
  let { data } = row;
  if (
    audience !== 'admin' &&
    'reason' in data &&
    ['star', 'unstar'].includes(row.action) &&
    data.reason_public !== true
  ) {
    const { reason: _hidden, ...rest } = data;
    data = rest;
  }
  return {
    eventId: row.event_id,
    agentId: row.agent_id,
    action: row.action,
    resourceType: row.resource_type,
    resourceId: row.resource_id,
    data,
    timestamp: row.timestamp.toISOString(),
    signature: row.signature,
  };
}

async function answer<T>(query: PromiseLike<T>): Promise<T> {
  try {
    return await query;
  } catch (error) {
    throw asDatabaseError(error);
  }
}
