/** Reading the audit log for people and agents; what the public may not see is left out in the query. */
import { asDatabaseError, type Queryable } from '../db/index.js';
import { AppError } from '../errors.js';
import { type AuditFilters, type AuditKey, type AuditPage, canonicalAction, parseAuditQuery } from './query.js';

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
  /** Key of the last event when more follow: hand it back as `after` for the next page. */
  next: AuditKey | null;
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

/**
 * `GET /v1/audit`: newest first.
 * @param after where the page begins; `offset` does not count then
 * @throws AppError VALIDATION_ERROR, INVALID_PAGINATION, DATABASE_ERROR
 */
export async function listPublicAudit(ctx: Context, query: URLSearchParams, after?: AuditKey): Promise<AuditList> {
  return listAudit(ctx.db, { ...parseAuditQuery(query), after }, 'public');
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

/**
 * A page of events, newest first. `limit` and `offset` are taken as they are; with `after`, the page begins behind that
 * event wherever it is by now, and `offset` is 0.
 * @throws AppError DATABASE_ERROR
 */
export async function listAudit(
  db: Queryable,
  wanted: AuditFilters & AuditPage & { after?: AuditKey | undefined },
  audience: AuditAudience,
): Promise<AuditList> {
  const { limit, after } = wanted;
  const offset = after === undefined ? wanted.offset : 0;
  const where = conditions(db, wanted);
  const [rows, [count]] = await Promise.all([
    answer(db.sql<(EventRow & { micros: number; seq: number })[]>`
      SELECT a.*, ${micros(db)} AS micros FROM ${visible(db, audience)} WHERE ${where} AND ${behind(db, after)}
      ORDER BY a.timestamp DESC, a.seq DESC, a.event_id DESC LIMIT ${limit + 1} OFFSET ${offset}`),
    answer(db.sql<[{ total: number }]>`
      SELECT count(*) AS total FROM (
        SELECT 1 FROM ${visible(db, audience)} WHERE ${where} LIMIT ${Math.max(COUNT_LIMIT, offset + limit + 1)}
      ) AS counted`),
  ]);
  const { total } = count!;
  const hasMore = rows.length > limit;
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  const next: AuditKey | null = hasMore && last ? [last.micros, last.seq, last.event_id] : null;
  return { events: page.map((row) => shape(row, audience)), total, limit, offset, hasMore, next };
}

/** The database's times have microseconds, Date has not. */
function micros({ sql }: Queryable) {
  return sql`(extract(epoch from a.timestamp) * 1000000)::bigint`;
}

function behind({ sql }: Queryable, after: AuditKey | undefined) {
  if (after === undefined) return sql`true`;
  const [at, seq, eventId] = after;
  return sql`(a.timestamp, a.seq, a.event_id)
    < (timestamptz 'epoch' + ${at}::bigint * interval '1 microsecond', ${seq}::bigint, ${eventId}::uuid)`;
}

export interface EventRow {
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
 * repository that is gone is public if that repository was public to the end, which the last event that states it tells.
 * @param viewerId an agent to whom the private repositories in which it has a role are visible too
 */
export function visible({ sql }: Queryable, audience: AuditAudience, viewerId?: string) {
  if (audience !== 'public') return sql`audit_log a`;
  const repo = sql`CASE
    WHEN l.resource_type = 'repository' THEN l.resource_id
    ELSE coalesce(l.data->>'repo_id', nullif(l.chain_id, 'global')) END`;
  const mine =
    viewerId === undefined
      ? sql``
      : sql`OR r.owner_id = ${viewerId} OR EXISTS (
          SELECT FROM repo_access x WHERE x.repo_id = r.repo_id AND x.agent_id = ${viewerId})`;
  return sql`(
    SELECT l.* FROM audit_log l
    LEFT JOIN repositories r ON r.repo_id = ${repo}
    WHERE ${repo} IS NULL OR r.visibility = 'public' ${mine} OR (r.repo_id IS NULL AND 'public' = (
      SELECT said.data->>'visibility' FROM audit_log said WHERE said.chain_id = ${repo}
      AND said.action IN ('repo_create', 'repo_fork', 'repo_update', 'repo_delete', 'admin_delete_repo')
      AND said.data ? 'visibility' ORDER BY said.seq DESC LIMIT 1))
  ) a`;
}

/** The event as the audience sees it. */
export function shape(row: EventRow, audience: AuditAudience): AuditEvent {
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
