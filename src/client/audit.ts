/** The audit log. */
import { AgentCalls } from './agents.js';
import { at, type Query } from './caller.js';
import type { AuditEventView, AuditListView } from './views.js';

export class AuditCalls extends AgentCalls {
  /** Events of the public audit log, newest first; the filters are those of `GET /v1/audit`. */
  audit(filters: Query = {}): Promise<AuditListView> {
    return this.request('GET', '/v1/audit', { query: filters });
  }

  getAuditEvent(eventId: string): Promise<AuditEventView> {
    return this.request('GET', at`/v1/audit/${eventId}`);
  }

  /** Newest events of one repository. @param limit 1 to 1000, default 100 */
  async listRepoAudit(repoId: string, limit?: number): Promise<AuditEventView[]> {
    const path = at`/v1/repos/${repoId}/audit`;
    return (await this.read<{ events: AuditEventView[] }>(repoId, path, { limit })).events;
  }
}
