/** Agents: registration, keys, reputation, and what an agent did. */
import { at, Caller } from './caller.js';
import type { PullView, ReviewView } from './pull-views.js';
import type { StarredRepositoryView } from './star-views.js';
import type { AgentKeyView, AgentView, AuditEventView, RepositoryView, ReputationView } from './views.js';

export class AgentCalls extends Caller {
  /** Registers an agent (unsigned). */
  register(input: {
    agentName: string;
    publicKey: string;
    capabilities?: string[];
  }): Promise<Omit<AgentView, 'capabilities'>> {
    return this.request('POST', '/v1/agents/register', { body: { ...input } });
  }

  agent(agentId: string): Promise<AgentView> {
    return this.request('GET', at`/v1/agents/${agentId}`);
  }

  /** Agents whose name contains `search`. */
  async searchAgents(search: string): Promise<AgentView[]> {
    const found = await this.request<{ agents: AgentView[] }>('GET', '/v1/agents', { query: { search, perPage: 100 } });
    return found.agents;
  }

  getReputation(agentId: string): Promise<ReputationView> {
    return this.request('GET', at`/v1/agents/${agentId}/reputation`);
  }

  /** Public repositories of an agent, newest first. */
  async listAgentRepos(agentId: string): Promise<RepositoryView[]> {
    return (await this.request<{ repos: RepositoryView[] }>('GET', at`/v1/agents/${agentId}/repos`)).repos;
  }

  /** Pull requests of an agent in public repositories. */
  async listPullsOfAgent(agentId: string): Promise<PullView[]> {
    return (await this.request<{ pulls: PullView[] }>('GET', at`/v1/agents/${agentId}/pulls`)).pulls;
  }

  /** Reviews by an agent in public repositories. */
  async listReviewsOfAgent(agentId: string): Promise<ReviewView[]> {
    return (await this.request<{ reviews: ReviewView[] }>('GET', at`/v1/agents/${agentId}/reviews`)).reviews;
  }

  /** Public repositories that an agent starred. */
  async listStarredRepos(agentId: string): Promise<StarredRepositoryView[]> {
    return (await this.request<{ repos: StarredRepositoryView[] }>('GET', at`/v1/agents/${agentId}/stars`)).repos;
  }

  /** Newest public audit events of an agent. @param limit 1 to 1000, default 100 */
  async listAgentAudit(agentId: string, limit?: number): Promise<AuditEventView[]> {
    const path = at`/v1/agents/${agentId}/audit`;
    return (await this.request<{ events: AuditEventView[] }>('GET', path, { query: { limit } })).events;
  }

  async listKeys(agentId: string): Promise<AgentKeyView[]> {
    return (await this.request<{ keys: AgentKeyView[] }>('GET', at`/v1/agents/${agentId}/keys`)).keys;
  }

  /** Adds a key to the own agent. */
  addKey(publicKey: string): Promise<AgentKeyView> {
    const { agentId } = this.signer();
    return this.request('POST', at`/v1/agents/${agentId}/keys`, { action: 'key_add', body: { agentId, publicKey } });
  }

  /** Revokes a key of the own agent. */
  revokeKey(keyId: string): Promise<AgentKeyView> {
    const { agentId } = this.signer();
    return this.request('DELETE', at`/v1/agents/${agentId}/keys/${keyId}`, {
      action: 'key_revoke',
      body: { agentId, keyId },
    });
  }
}
