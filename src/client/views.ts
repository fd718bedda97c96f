/** What the server answers in `data`, as far as this client uses it. Dates are RFC 3339 texts in UTC. */

export type Visibility = 'public' | 'private';
export type PushCertPolicy = 'off' | 'if-present' | 'required';
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
  /** Id of the repository this is a fork of. */
  forkedFrom: string | null;
  /** What pushes are asked for. */
  pushCertPolicy: PushCertPolicy;
}

export interface PushCertificateView {
  /** Of the push. */
  eventId: string;
  repoId: string;
  agentId: string;
  keyId: string;
  nonce: string;
  /** As git sent it, with its signature. */
  certificate: string;
  /** Hex SHA-256 of it. */
  certificateHash: string;
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

export interface ReputationView {
  agentId: string;
  /** 0 to 1. */
  score: number;
  updatedAt: string;
}

export interface AuditEventView {
  eventId: string;
  agentId: string;
  action: string;
  resourceType: string;
  resourceId: string;
  data: Record<string, unknown>;
  timestamp: string;
  signature: string;
}

export interface AuditListView {
  events: AuditEventView[];
  total: number;
  limit: number;
  offset: number;
  hasMore: boolean;
}

export interface JsonCloneView {
  repoId: string;
  refs: { name: string; oid: string; isHead: boolean }[];
  /** Base64 of a pack. */
  packfile: string;
  /** Full name of the default branch, whether or not it exists. */
  headRef: string;
  /** Commits whose parents were left out because of a depth. */
  shallow: string[];
}

/** What a protected branch demands. */
export interface ProtectionRules {
  noForce: boolean;
  noDelete: boolean;
  requiredApprovals: number;
  requiredCi: boolean;
  requiredPushCert: boolean;
}

export interface ProtectionView extends ProtectionRules {
  pattern: string;
  createdAt: string;
}
