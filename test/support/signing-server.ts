/** A small HTTP server that checks every signature as GitClaw does and answers in its shapes; for tests of clients. */
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  canonicalEnvelope,
  decodeSignature,
  isJsonObject,
  type JsonObject,
  nonceHash,
  type ParsedToken,
  parsePublicKey,
  parseToken,
  verifySignature,
} from '../../src/signing/index.js';

export interface SeenRequest {
  method: string;
  /** With query, as received. */
  url: string;
  headers: IncomingHttpHeaders;
  body: JsonObject;
}

interface Reply {
  status: number;
  headers?: Record<string, string>;
  /** Sent as it is when text, else as JSON. */
  body: unknown;
}

interface KnownAgent {
  agentId: string;
  agentName: string;
  publicKey: string;
}

export class SigningServer {
  readonly seen: SeenRequest[] = [];
  readonly agents: KnownAgent[] = [];
  readonly repos: JsonObject[] = [];
  /** Answered first, one per request; `hang up` breaks the connection. */
  readonly script: (Reply | 'hang up')[] = [];
  /** `data` of further routes, asked once the signature is checked; the key is method and path, such as `GET /v1/x`. */
  readonly routes = new Map<string, (signed: JsonObject) => { status: number; data: unknown }>();
  /** Set by `start`. */
  url = '';
  #server: Server | undefined;

  async start(): Promise<this> {
    const server = createServer((incoming, outgoing) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('end', () => {
        const { method = '', url = '', headers } = incoming;
        const text = Buffer.concat(chunks).toString();
        const request = { method, url, headers, body: text === '' ? {} : (JSON.parse(text) as JsonObject) };
        this.seen.push(request);
        const reply = this.script.shift() ?? this.#answer(request);
        if (reply === 'hang up') return incoming.socket.destroy();
        outgoing.writeHead(reply.status, { 'content-type': 'application/json', ...reply.headers });
        return outgoing.end(typeof reply.body === 'string' ? reply.body : JSON.stringify(reply.body));
      });
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    return this;
  }

  async stop(): Promise<void> {
    this.#server?.closeAllConnections();
    await new Promise((done) => this.#server?.close(done));
  }

  /** The envelope inside a token, if the signature is that of the agent it names. */
  openToken(token: string): ParsedToken['envelope'] | undefined {
    const parsed = parseToken(token);
    return parsed && this.#verified(parsed.envelope.agentId, parsed.canonical, parsed.signature)
      ? parsed.envelope
      : undefined;
  }

  #answer(request: SeenRequest): Reply {
    const route = `${request.method} ${request.url.split('?')[0]}`;
    if (route === 'POST /v1/agents/register') return this.#register(request.body);
    const agent = this.agents.find(({ agentId }) => request.url.startsWith(`/v1/agents/${agentId}`));
    if (request.method === 'GET' && agent && request.url.endsWith('/keys')) {
      return ok({ keys: [{ keyId: randomUUID(), type: 'ed25519', publicKey: agent.publicKey, revokedAt: null }] });
    }
    if (request.method === 'GET' && agent) return ok({ agentId: agent.agentId, agentName: agent.agentName });
    if (route === 'GET /v1/agents') return ok({ agents: this.agents });
    if (request.method === 'GET' && request.url.startsWith('/v1/agents/')) return refuse(404, 'AGENT_NOT_FOUND');
    const token = /^GitClaw (.+)$/.exec(request.headers.authorization ?? '')?.[1];
    const special = this.routes.get(route);
    if (token !== undefined) {
      if (this.openToken(token) === undefined) return refuse(401, 'INVALID_SIGNATURE');
      return special === undefined ? ok(this.repos[0] ?? {}) : answer(special({}));
    }
    return this.#signed(request, route);
  }

  #register({ agentName, publicKey }: JsonObject): Reply {
    const known = { agentId: randomUUID(), agentName: String(agentName), publicKey: String(publicKey) };
    if (this.agents.some((agent) => agent.agentName === known.agentName)) return refuse(409, 'AGENT_NAME_EXISTS');
    this.agents.push(known);
    return ok({ agentId: known.agentId, agentName: known.agentName, createdAt: '2026-01-15T10:30:00Z' }, 201);
  }

  #signed({ body: sent }: SeenRequest, route: string): Reply {
    const { agentId, action, timestamp, nonce, body, signature } = sent;
    if (!isJsonObject(body)) return refuse(401, 'INVALID_SIGNATURE');
    const envelope = {
      agentId: String(agentId),
      action: String(action),
      timestamp: String(timestamp),
      nonce: String(nonce),
      body,
    };
    if (sent.nonceHash !== nonceHash(envelope.agentId, envelope.nonce)) return refuse(400, 'VALIDATION_ERROR');
    if (!this.#verified(envelope.agentId, canonicalEnvelope(envelope), String(signature))) {
      return refuse(401, 'INVALID_SIGNATURE');
    }
    const special = this.routes.get(route);
    if (special !== undefined) return answer(special({ action: String(action), ...body }));
    if (route === 'GET /v1/repos') return ok({ repos: this.repos });
    if (route === 'POST /v1/repos') return this.#createRepo(envelope.agentId, body);
    return ok({ action, ...body, collaborators: [] });
  }

  #createRepo(agentId: string, body: JsonObject): Reply {
    if (this.repos.some((repo) => repo.name === body.name)) return refuse(409, 'REPO_EXISTS');
    const ownerName = this.agents.find((agent) => agent.agentId === agentId)?.agentName ?? '';
    const cloneUrl = `${this.url}/${ownerName}/${String(body.name)}.git`;
    const repo = { ...body, repoId: randomUUID(), ownerId: agentId, ownerName, cloneUrl };
    this.repos.unshift(repo);
    return ok(repo, 201);
  }

  #verified(agentId: string, canonical: string, signature: string): boolean {
    const agent = this.agents.find((known) => known.agentId === agentId);
    const bytes = decodeSignature(signature);
    return (
      agent !== undefined && bytes !== undefined && verifySignature(parsePublicKey(agent.publicKey), canonical, bytes)
    );
  }
}

function answer({ status, data }: { status: number; data: unknown }): Reply {
  return ok(data, status);
}

/** An enveloped success. */
export function ok(data: unknown, status = 200): Reply {
  return { status, body: { data, meta: { requestId: randomUUID() } } };
}

/** An enveloped refusal. */
export function refuse(status: number, code: string, headers: Record<string, string> = {}): Reply {
  return {
    status,
    headers,
    body: { error: { code, message: `refused with ${code}` }, meta: { requestId: 'request-1' } },
  };
}
