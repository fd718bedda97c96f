/** A typed client that signs what it sends. */
import { createPrivateKey, type KeyObject, randomUUID } from 'node:crypto';
import type { JsonObject } from '../signing/index.js';
import { IdentityRequiredError } from './errors.js';
import { type GitService, repositoryOfPath, signGitToken } from './git-token.js';
import { readAnswer, type SigningIdentity, signedBody } from './request.js';
import { DEFAULT_RETRY, type RetryPolicy, withRetry } from './retry.js';
import { exchange } from './transport.js';
import type {
  AccessView,
  AgentKeyView,
  AgentView,
  CollaboratorView,
  RepositoryView,
  Role,
  Visibility,
} from './views.js';

export interface GitClawClientOptions extends Partial<RetryPolicy> {
  /** `http://` or `https://` address of the server. */
  baseUrl: string;
  /** Needed with `privateKey` for every signed call. */
  agentId?: string | undefined;
  /** PKCS#8 PEM or key object, Ed25519 or P-256. */
  privateKey?: string | KeyObject | undefined;
  /** Longest silence of the server; default 30,000. */
  timeoutMs?: number;
}

export interface RequestOptions {
  /** Signs the request with this action; absent = unsigned. */
  action?: string;
  /** The signed body, or the plain JSON body of an unsigned request. */
  body?: JsonObject;
  query?: Record<string, string | number | undefined>;
  headers?: Record<string, string>;
}

export class GitClawClient {
  readonly baseUrl: URL;
  readonly #identity: SigningIdentity | undefined;
  readonly #retry: RetryPolicy;
  readonly #timeoutMs: number;

  /** @throws TypeError when the address is no http(s) URL, Error when the key cannot be read */
  constructor(options: GitClawClientOptions) {
    const { baseUrl, agentId, privateKey, timeoutMs = 30_000, ...retry } = options;
    this.baseUrl = new URL(baseUrl);
    if (!/^https?:$/.test(this.baseUrl.protocol))
      throw new TypeError('the base URL must start with http:// or https://');
    if (agentId !== undefined && privateKey !== undefined) {
      this.#identity = {
        agentId,
        privateKey: typeof privateKey === 'string' ? createPrivateKey(privateKey) : privateKey,
      };
    }
    this.#retry = { ...DEFAULT_RETRY, ...retry };
    this.#timeoutMs = timeoutMs;
  }

  /**
   * One call of the API, repeated on network errors and on 429, 500, 502, 503 with the same nonce and a fresh timestamp:
   * a change that was made although its answer got lost is answered again, not made again.
   * @param path from the server's root, e.g. `/v1/repos`
   * @returns the `data` of the answer
   * @throws ApiError, NetworkError, IdentityRequiredError
   */
  async request<T>(method: string, path: string, options: RequestOptions = {}): Promise<T> {
    const url = new URL(this.baseUrl.pathname.replace(/\/+$/, '') + path, this.baseUrl);
    for (const [name, value] of Object.entries(options.query ?? {})) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    const nonce = randomUUID();
    const headers = { accept: 'application/json', 'content-type': 'application/json', ...options.headers };
    return withRetry(this.#retry, async () => {
      const body = this.#body(options, nonce);
      return readAnswer(await exchange({ method, url, headers, body, timeoutMs: this.#timeoutMs })) as T;
    });
  }

  /** Registers an agent (unsigned). */
  register(input: {
    agentName: string;
    publicKey: string;
    capabilities?: string[];
  }): Promise<Omit<AgentView, 'capabilities'>> {
    return this.request('POST', '/v1/agents/register', { body: { ...input } });
  }

  agent(agentId: string): Promise<AgentView> {
    return this.request('GET', `/v1/agents/${encodeURIComponent(agentId)}`);
  }

  /** Agents whose name contains `search`. */
  async searchAgents(search: string): Promise<AgentView[]> {
    const found = await this.request<{ agents: AgentView[] }>('GET', '/v1/agents', { query: { search, perPage: 100 } });
    return found.agents;
  }

  async listKeys(agentId: string): Promise<AgentKeyView[]> {
    return (await this.request<{ keys: AgentKeyView[] }>('GET', `/v1/agents/${encodeURIComponent(agentId)}/keys`)).keys;
  }

  /** Adds a key to the own agent. */
  addKey(publicKey: string): Promise<AgentKeyView> {
    const { agentId } = this.#signer();
    return this.request('POST', `/v1/agents/${encodeURIComponent(agentId)}/keys`, {
      action: 'key_add',
      body: { agentId, publicKey },
    });
  }

  /** Revokes a key of the own agent. */
  revokeKey(keyId: string): Promise<AgentKeyView> {
    const { agentId } = this.#signer();
    const path = `/v1/agents/${encodeURIComponent(agentId)}/keys/${encodeURIComponent(keyId)}`;
    return this.request('DELETE', path, { action: 'key_revoke', body: { agentId, keyId } });
  }

  createRepo(input: { name: string; description?: string | null; visibility?: Visibility }): Promise<RepositoryView> {
    const body = { name: input.name, description: input.description ?? null, visibility: input.visibility ?? 'public' };
    return this.request('POST', '/v1/repos', { action: 'repo_create', body });
  }

  /** All repositories of the own agent, newest first. */
  async listRepos(): Promise<RepositoryView[]> {
    return (await this.request<{ repos: RepositoryView[] }>('GET', '/v1/repos', { action: 'repo_list', body: {} }))
      .repos;
  }

  /** @param repo an id, or `owner/name`; a private one needs an identity that may read it */
  repo(repo: string): Promise<RepositoryView> {
    const path = `/v1/repos/${repo.split('/').map(encodeURIComponent).join('/')}`;
    if (this.#identity === undefined) return this.request('GET', path);
    const token = this.gitToken({ repoId: repo, service: 'git-upload-pack' });
    return this.request('GET', path, { headers: { authorization: `GitClaw ${token}` } });
  }

  /** Gives another agent a role, or changes the one it has. */
  grantAccess(repoId: string, targetAgentId: string, role: Role): Promise<AccessView> {
    const body = { repoId, targetAgentId, role };
    return this.request('POST', `/v1/repos/${encodeURIComponent(repoId)}/access`, { action: 'access_grant', body });
  }

  revokeAccess(repoId: string, targetAgentId: string): Promise<AccessView> {
    const path = `/v1/repos/${encodeURIComponent(repoId)}/access/${encodeURIComponent(targetAgentId)}`;
    return this.request('DELETE', path, { action: 'access_revoke', body: { repoId, targetAgentId } });
  }

  async listAccess(repoId: string): Promise<CollaboratorView[]> {
    const path = `/v1/repos/${encodeURIComponent(repoId)}/access`;
    const answer = await this.request<{ collaborators: CollaboratorView[] }>('GET', path, {
      action: 'access_list',
      body: { repoId },
    });
    return answer.collaborators;
  }

  /** Events of the public audit log; the filters are those of `GET /v1/audit`. */
  audit(filters: Record<string, string | number | undefined> = {}): Promise<JsonObject> {
    return this.request('GET', '/v1/audit', { query: filters });
  }

  /**
   * A token for one repository, to be carried as Basic password (user = agent id) or as `Authorization: GitClaw <token>`.
   * @param target a clone `url` names host and repository; otherwise `repoId` on this client's server
   */
  gitToken(target: { service: GitService } & ({ url: string } | { repoId: string; aud?: string })): string {
    if (!('url' in target)) {
      const audience = target.aud ?? this.baseUrl.host;
      return signGitToken({ ...this.#signer(), audience, repoId: target.repoId, service: target.service });
    }
    const url = new URL(target.url);
    const repoId = repositoryOfPath(decodeURIComponent(url.pathname));
    if (repoId === undefined) throw new TypeError(`${url.pathname} is not the path of a repository`);
    return signGitToken({ ...this.#signer(), audience: url.host, repoId, service: target.service });
  }

  #signer(): SigningIdentity {
    if (this.#identity === undefined) throw new IdentityRequiredError();
    return this.#identity;
  }

  #body(options: RequestOptions, nonce: string): string | undefined {
    if (options.action !== undefined) return signedBody(this.#signer(), options.action, options.body ?? {}, nonce);
    return options.body === undefined ? undefined : JSON.stringify(options.body);
  }
}
