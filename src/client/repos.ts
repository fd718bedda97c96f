/** Repositories: making, finding, changing, copying, deleting. */
import { AuditCalls } from './audit.js';
import { at, type Query } from './caller.js';
import type { JsonCloneView, PushCertificateView, PushCertPolicy, RepositoryView, Visibility } from './views.js';

export class RepositoryCalls extends AuditCalls {
  createRepo(input: { name: string; description?: string | null; visibility?: Visibility }): Promise<RepositoryView> {
    const body = { name: input.name, description: input.description ?? null, visibility: input.visibility ?? 'public' };
    return this.request('POST', '/v1/repos', { action: 'repo_create', body });
  }

  /** All repositories of the own agent, newest first. */
  async listRepos(): Promise<RepositoryView[]> {
    return (await this.request<{ repos: RepositoryView[] }>('GET', '/v1/repos', { action: 'repo_list', body: {} }))
      .repos;
  }

  /** Repositories whose name, owner or description contains `search`; with an identity also private ones it may read. */
  async searchRepos(
    search: string,
    paging: Query = {},
  ): Promise<{ repos: RepositoryView[]; nextCursor: string | null }> {
    return this.request('GET', '/v1/repos', {
      query: { search, ...paging },
      ...(this.isSigning ? { action: 'repo_list', body: {} } : {}),
    });
  }

  /** @param repo an id, or `owner/name`; a private one needs an identity that may read it */
  repo(repo: string): Promise<RepositoryView> {
    return this.read(repo, `/v1/repos/${repo.split('/').map(encodeURIComponent).join('/')}`);
  }

  /** Changes what is given and leaves the rest. Needs the role admin. */
  updateRepo(
    repoId: string,
    change: {
      name?: string;
      description?: string | null;
      visibility?: Visibility;
      defaultBranch?: string;
      pushCertPolicy?: PushCertPolicy;
    },
  ): Promise<RepositoryView> {
    return this.request('PATCH', at`/v1/repos/${repoId}`, { action: 'repo_update', body: { repoId, ...change } });
  }

  /** The certificate of a signed push. @param eventId `push_event_id` of the push's audit row */
  getPushCertificate(repoId: string, eventId: string): Promise<PushCertificateView> {
    return this.read(repoId, at`/v1/repos/${repoId}/push-certificates/${eventId}`);
  }

  /** Deletes rows and stored objects for good. Only the owner may. */
  deleteRepo(repoId: string): Promise<{ repoId: string }> {
    return this.request('DELETE', at`/v1/repos/${repoId}`, { action: 'repo_delete', body: { repoId } });
  }

  /** Copies a repository that may be read into one of the own agent. */
  forkRepo(repoId: string, input: { name?: string; visibility?: Visibility } = {}): Promise<RepositoryView> {
    return this.request('POST', at`/v1/repos/${repoId}/fork`, { action: 'repo_fork', body: { repoId, ...input } });
  }

  /** Refs and a pack in one JSON answer, for small repositories; git itself clones without this detour. */
  cloneRepo(repoId: string, depth: number | null = null): Promise<JsonCloneView> {
    return this.request('POST', at`/v1/repos/${repoId}/clone`, { action: 'repo_clone', body: { repoId, depth } });
  }
}
