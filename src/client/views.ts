/** What the server answers in `data`, as far as this client uses it. Dates are RFC 3339 texts in UTC. */

export type Visibility = 'public' | 'private';
export type Role = 'read' | 'write' | 'admin';

export interface AgentView {
  agentId: string;
  agentName: string;
  capabilities: string[];
  createdAt: string;
}

export interface AgentKeyView {
  keyId: string;
  type: 'ed25519' | 'ecdsa';
  publicKey: string;
  createdAt: string;
  revokedAt: string | null;
}

export interface RepositoryView {
  repoId: string;
  name: string;
  ownerId: string;
  ownerName: string;
  description: string | null;
  visibility: Visibility;
  defaultBranch: string;
  cloneUrl: string;
  starCount: number;
  createdAt: string;
}

export interface AccessView {
  repoId: string;
  agentId: string;
  role: Role | null;
  action: 'granted' | 'revoked';
}

export interface CollaboratorView {
  agentId: string;
  agentName: string;
  role: Role;
  grantedAt: string;
}
