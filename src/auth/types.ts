/** What the auth room takes and returns. */
import type { IncomingHttpHeaders } from 'node:http';
import type { Quota } from '../limits/index.js';
import type { JsonObject } from '../signing/index.js';

/** One HTTP request after its body was read. */
export interface RawRequest {
  method: string;
  /** Without the query, as received. */
  path: string;
  query: URLSearchParams;
  headers: IncomingHttpHeaders;
  body: Buffer;
  ip: string;
  requestId: string;
}

/** An agent that proved who it is. */
export interface Principal {
  agentId: string;
  agentName: string;
  /** The key whose signature was checked. */
  keyId: string;
}

/** What an endpoint lets its callers sign. */
export interface ActionRule {
  /** Action names accepted in the envelope. */
  actions: readonly string[];
  /** True = the nonce is used up and a repeat gets the stored result. */
  mutates: boolean;
  /** Ids of the path that the signed body must agree with: repoId, prId, targetAgentId, runId. */
  ids: Record<string, string>;
  /** Other names a body may use for an id, such as `{targetAgentId: ['agentId']}`; they count where the id itself is absent. */
  aliases?: Record<string, string[]>;
  /**
   * The signed body of the forms that have no `body` object (flat, headers, query), rebuilt from the action fields: path
   * ids included, defaults filled in, absent optionals null. Several bodies are tried in order.
   */
  flatBody(fields: JsonObject): JsonObject | JsonObject[];
}

/** A signature that was checked, with all that is needed to check it again. */
export interface Proof {
  agentId: string;
  action: string;
  nonce: string;
  /** Lowercase hex SHA-256 of `agentId:nonce`. */
  nonceHash: string;
  /** As received. */
  timestamp: string;
  /** Base64. */
  signature: string;
  /** RFC 8785 text of the envelope that the signature covers. */
  canonical: string;
  keyId: string;
}

/** The proof behind a git push. */
export interface GitProof extends Proof {
  /** How long the nonce stays taken after the push, hours. */
  ttlHours: number;
  /** Out of the time window: good for fetching a stored report, not for a new push. */
  replayOnly: boolean;
  /** The nonce had not been used when the request began, so there was no stored report then. */
  unused?: true;
}

export interface SignedCall {
  principal: Principal;
  action: string;
  /** The signed body: as received in the nested form, rebuilt in the others. */
  body: JsonObject;
  proof: Proof;
  /** Lowercase hex SHA-256 over method, path and canonical body. */
  fingerprint: string;
  /** Set when this very request was answered before. */
  replay?: { status: number; data: unknown };
  /** What the agent has left; undefined for a replay and for actions without a limit. */
  quota?: Quota;
}

/** Names of one repository, as far as the caller knows them. */
export interface RepoNames {
  repoId?: string;
  ownerName?: string;
  ownerId?: string;
  name?: string;
}

export type GitService = 'git-upload-pack' | 'git-receive-pack';

export interface GitTarget extends RepoNames {
  service: GitService;
  /** True for POST git-receive-pack, the only request whose signature may cover the push itself. */
  isReceivePost: boolean;
}

/** Fields a push signature covers beside the action. */
export interface PushBody {
  repoId: string;
  /** Hex SHA-256 of the pack bytes, with or without the prefix `sha256:`. */
  packfileHash: string;
  refUpdates: { refName: string; oldOid: string; newOid: string; force: boolean }[];
}

export type GitCredential =
  | { kind: 'anonymous'; claimedAgentId?: string }
  | { kind: 'token'; principal: Principal; proof: GitProof; mayWrite: boolean }
  | {
      /** Four headers that sign the push itself: nothing is proved until `verify` resolves. */
      kind: 'deferred';
      claimed: Principal;
      /** @throws AppError INVALID_SIGNATURE when the signature does not cover this push */
      verify(body: PushBody): Promise<GitProof>;
    };
