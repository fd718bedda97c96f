/** One call of the API: signed or not, repeated where a repeat is safe. The topics of the client are built on it. */
import { createPrivateKey, type KeyObject, randomUUID } from 'node:crypto';
import type { JsonObject } from '../signing/index.js';
import { IdentityRequiredError, NetworkError } from './errors.js';
import { readEvents, type ServerEvent } from './events.js';
import { type GitService, repositoryOfPath, signGitToken } from './git-token.js';
import { readAnswer, type SigningIdentity, signedBody } from './request.js';
import { DEFAULT_RETRY, type RetryPolicy, withRetry } from './retry.js';
import { type Answer, type Exchange, exchange } from './transport.js';

export interface GitClawClientOptions extends Partial<RetryPolicy> {
  /** `http://` or `https://` address of the server. */
  baseUrl: string;
  /** Needed with `privateKey` for every signed call. */
  agentId?: string | undefined;
  /** PKCS#8 PEM or key object, Ed25519 or P-256. */
  privateKey?: string | KeyObject | undefined;
  /** Longest silence of the server; default 30,000. */
  timeoutMs?: number;
  /** Carries a request to the server; default node:http. */
  exchange?: (request: Exchange) => Promise<Answer>;
}

export interface RequestOptions {
  /** Signs the request with this action; absent = unsigned. */
  action?: string;
  /** The signed body, or the plain JSON body of an unsigned request. */
  body?: JsonObject;
  query?: Query;
  headers?: Record<string, string>;
}

/** A connection that lasted this long was no failure, milliseconds. */
const LONG_MS = 30_000;

export type Query = Record<string, string | number | undefined>;

export class Caller {
  readonly baseUrl: URL;
  readonly #identity: SigningIdentity | undefined;
  readonly #retry: RetryPolicy;
  readonly #timeoutMs: number;
  readonly #exchange: (request: Exchange) => Promise<Answer>;

  /** @throws TypeError when the address is no http(s) URL, Error when the key cannot be read */
  constructor(options: GitClawClientOptions) {
    const { baseUrl, agentId, privateKey, timeoutMs = 30_000, exchange: carry = exchange, ...retry } = options;
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
    this.#exchange = carry;
  }

  /**
   * One call of the API, repeated on network errors and on 429, 500, 502, 503 with the same nonce and a fresh timestamp:
   * a change that was made although its answer got lost is answered again, not made again.
   * @param path from the server's root, e.g. `/v1/repos`
   * @returns the `data` of the answer
   * @throws ApiError, NetworkError, IdentityRequiredError
   */
  async request<T>(method: string, path: string, options: RequestOptions = {}): Promise<T> {
    const url = this.#url(path, options.query);
    const nonce = randomUUID();
    const headers = { accept: 'application/json', 'content-type': 'application/json', ...options.headers };
    return withRetry(this.#retry, async () => {
      const body = this.#body(options, nonce);
      return readAnswer(await this.#exchange({ method, url, headers, body, timeoutMs: this.#timeoutMs })) as T;
    });
  }

  /** Whether calls can be signed at all. */
  protected get isSigning(): boolean {
    return this.#identity !== undefined;
  }

  /**
   * A read of a repository: unsigned by a client without identity, otherwise with a token, since the repository may be
   * private.
   * @param repo id or `owner/name`, as the path spells it
   */
  protected read<T>(repo: string, path: string, query: Query = {}): Promise<T> {
    if (!this.isSigning) return this.request('GET', path, { query });
    const token = this.gitToken({ repoId: repo, service: 'git-upload-pack' });
    return this.request('GET', path, { query, headers: { authorization: `GitClaw ${token}` } });
  }

  /**
   * Server-sent events about a repository, until the event `last` has come. A connection that ends or breaks before is
   * made again, from the last event that had an id; tries without any event are limited as those of calls are.
   * @throws ApiError, NetworkError
   */
  protected async *events(repo: string, path: string, query: Query, last: string): AsyncGenerator<ServerEvent> {
    const url = this.#url(path, query);
    let seen: string | undefined;
    for (let tried = 0; ; tried += 1) {
      const headers: Record<string, string> = seen === undefined ? {} : { 'last-event-id': seen };
      if (this.isSigning)
        headers.authorization = `GitClaw ${this.gitToken({ repoId: repo, service: 'git-upload-pack' })}`;
      const begun = performance.now();
      try {
        for await (const event of readEvents({ method: 'GET', url, headers, timeoutMs: this.#timeoutMs })) {
          tried = 0;
          seen = event.id ?? seen;
          yield event;
          if (event.name === last) return;
        }
        // Servers end long connections in good order, also quiet ones.
        if (performance.now() - begun > LONG_MS) tried = 0;
        else if (tried >= this.#retry.retries)
          throw new NetworkError(`${url.host} ends the events at once`, 'NO_EVENTS');
      } catch (error) {
        if (!(error instanceof NetworkError) || tried >= this.#retry.retries) throw error;
      }
      await this.#retry.sleep(Math.min(this.#retry.backoffMs * 2 ** tried, this.#retry.maxWaitMs));
    }
  }

  /**
   * A token for one repository, to be carried as Basic password (user = agent id) or as `Authorization: GitClaw <token>`.
   * @param target a clone `url` names host and repository; otherwise `repoId` on this client's server
   */
  gitToken(target: { service: GitService } & ({ url: string } | { repoId: string; aud?: string })): string {
    if (!('url' in target)) {
      const audience = target.aud ?? this.baseUrl.host;
      return signGitToken({ ...this.signer(), audience, repoId: target.repoId, service: target.service });
    }
    const url = new URL(target.url);
    const repoId = repositoryOfPath(decodeURIComponent(url.pathname));
    if (repoId === undefined) throw new TypeError(`${url.pathname} is not the path of a repository`);
    return signGitToken({ ...this.signer(), audience: url.host, repoId, service: target.service });
  }

  /** @throws IdentityRequiredError */
  protected signer(): SigningIdentity {
    if (this.#identity === undefined) throw new IdentityRequiredError();
    return this.#identity;
  }

  #url(path: string, query: Query = {}): URL {
    const url = new URL(this.baseUrl.pathname.replace(/\/+$/, '') + path, this.baseUrl);
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    return url;
  }

  #body(options: RequestOptions, nonce: string): string | undefined {
    if (options.action !== undefined) return signedBody(this.signer(), options.action, options.body ?? {}, nonce);
    return options.body === undefined ? undefined : JSON.stringify(options.body);
  }
}

/** A path whose parameters are escaped: `` at`/v1/repos/${repoId}` ``. */
export function at(texts: TemplateStringsArray, ...parameters: string[]): string {
  return String.raw({ raw: texts }, ...parameters.map(encodeURIComponent));
}
