/** Query strings of the public audit log as filters. */
import { z } from 'zod';
import { AppError } from '../errors.js';

/** Undefined = any. */
export interface AuditFilters {
  agentId?: string | undefined;
  /** One of 5.4 or of its synonyms. */
  action?: string | undefined;
  resourceType?: string | undefined;
  resourceId?: string | undefined;
  /** The repository that events are about, whatever their resource is. */
  repoId?: string | undefined;
  from?: Date | undefined;
  to?: Date | undefined;
}

export interface AuditPage {
  limit: number;
  offset: number;
}

/** Sort key of an event: microseconds since 1970, place in its chain, id. */
export const auditKey = z.tuple([z.int().min(0).max(4e15), z.int().min(0), z.guid()]);

export type AuditKey = z.output<typeof auditKey>;

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1000;

/** Other spellings of actions that clients and viewers in the field ask for. */
const SYNONYMS: Record<string, string> = {
  pr_open: 'pr_create',
  pr_opened: 'pr_create',
  pr_merged: 'pr_merge',
  pr_reviewed: 'pr_review',
  review_create: 'pr_review',
  ci_start: 'ci_triggered',
  ci_trigger: 'ci_triggered',
  ci_complete: 'ci_completed',
  ci_cancel: 'ci_cancelled',
  git_push: 'push',
  git_receive_pack: 'push',
  'git-receive-pack': 'push',
  git_upload_pack: 'git-upload-pack',
  repo_star: 'star',
  repo_unstar: 'unstar',
};

/** The stored name of an action: `pr_create` for `pr_open`, `PrOpen` and itself. */
export function canonicalAction(spelling: string): string {
  const snake = spelling.replace(/(?<=[a-z0-9])(?=[A-Z])/g, '_').toLowerCase();
  return SYNONYMS[snake] ?? snake;
}

const time = z.iso.datetime({ offset: true });

/**
 * Reads `agent_id, resource_type, resource_id, repo_id, action, from, to, limit, offset`, or the same in camelCase.
 * `limit` is brought into 1 to 1000; unknown names are ignored, and empty values are as good as none.
 * @throws AppError VALIDATION_ERROR for a time that is not RFC 3339, INVALID_PAGINATION for paging that is no whole number
 */
export function parseAuditQuery(query: URLSearchParams): AuditFilters & AuditPage {
  const text = (...names: string[]) => {
    const value = names.map((name) => query.get(name)).find(Boolean) ?? undefined;
    // No stored text has one, and Postgres refuses to compare with it.
    if (value?.includes('\0')) {
      throw new AppError('VALIDATION_ERROR', { message: `${names[0]} is not valid.`, details: { field: names[0] } });
    }
    return value;
  };
  const date = (name: string) => {
    // In a query an unescaped "+" of an offset arrives as a space.
    const value = text(name)?.replace(' ', '+');
    if (value === undefined) return undefined;
    if (!time.safeParse(value).success) {
      throw new AppError('VALIDATION_ERROR', { message: `${name} is not an RFC 3339 time.`, details: { field: name } });
    }
    return new Date(value);
  };
  const action = text('action');
  return {
    agentId: text('agent_id', 'agentId'),
    action: action === undefined ? undefined : canonicalAction(action),
    resourceType: text('resource_type', 'resourceType'),
    resourceId: text('resource_id', 'resourceId'),
    repoId: text('repo_id', 'repoId'),
    from: date('from'),
    to: date('to'),
    limit: Math.min(MAX_LIMIT, Math.max(1, whole('limit', text('limit'), DEFAULT_LIMIT))),
    offset: whole('offset', text('offset'), 0),
  };
}

function whole(name: string, text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback;
  if (!/^\d{1,15}$/.test(text)) throw new AppError('INVALID_PAGINATION', { details: { field: name } });
  return Number(text);
}
