/** Who may do what in a repository: roles and protected branches. */
import { at } from './caller.js';
import { RepositoryCalls } from './repos.js';
import type { AccessView, CollaboratorView, ProtectionRules, ProtectionView, Role } from './views.js';

export class AccessCalls extends RepositoryCalls {
  /** Gives another agent a role, or changes the one it has. */
  grantAccess(repoId: string, targetAgentId: string, role: Role): Promise<AccessView> {
    const body = { repoId, targetAgentId, role };
    return this.request('POST', at`/v1/repos/${repoId}/access`, { action: 'access_grant', body });
  }

  revokeAccess(repoId: string, targetAgentId: string): Promise<AccessView> {
    const path = at`/v1/repos/${repoId}/access/${targetAgentId}`;
    return this.request('DELETE', path, { action: 'access_revoke', body: { repoId, targetAgentId } });
  }

  async listAccess(repoId: string): Promise<CollaboratorView[]> {
    const answer = await this.request<{ collaborators: CollaboratorView[] }>('GET', at`/v1/repos/${repoId}/access`, {
      action: 'access_list',
      body: { repoId },
    });
    return answer.collaborators;
  }

  /** Protected branches; needs the role admin, as everything about protection does. */
  async listProtections(repoId: string): Promise<ProtectionView[]> {
    const path = at`/v1/repos/${repoId}/protection`;
    const signed = { action: 'protection_list', body: { repoId } };
    return (await this.request<{ rules: ProtectionView[] }>('GET', path, signed)).rules;
  }

  /** @param pattern as it was set, not a branch that it covers */
  getProtection(repoId: string, pattern: string): Promise<ProtectionView> {
    const signed = { action: 'protection_get', body: { repoId } };
    return this.request('GET', at`/v1/repos/${repoId}/protection/${pattern}`, signed);
  }

  /** Sets or replaces the rules of a pattern. */
  setProtection(repoId: string, pattern: string, rules: Partial<ProtectionRules>): Promise<ProtectionView> {
    const body = { repoId, pattern, ...rules };
    return this.request('PUT', at`/v1/repos/${repoId}/protection/${pattern}`, { action: 'protection_set', body });
  }

  deleteProtection(repoId: string, pattern: string): Promise<{ repoId: string; pattern: string }> {
    const path = at`/v1/repos/${repoId}/protection/${pattern}`;
    return this.request('DELETE', path, { action: 'protection_delete', body: { repoId, pattern } });
  }
}
