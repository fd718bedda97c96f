/** A running app on a real socket, and agents that sign requests to it in every form of the contract. */
import { createPrivateKey, type KeyObject, randomUUID } from 'node:crypto';
import { type IncomingHttpHeaders, request } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import pino from 'pino';
import { readConfig } from '../../src/config.js';
import type { AppContext } from '../../src/context.js';
import { createApp, listen } from '../../src/http/index.js';
import { createMetrics } from '../../src/metrics.js';
import { generateKey, type JsonObject, nonceHash, signEnvelope } from '../../src/signing/index.js';
import { checkAnswer } from './answers.js';
import { createTestDatabase } from './postgres.js';

export interface TestApp {
  ctx: AppContext;
  url: string;
  /** Everything logged so far, one parsed line each. */
  logs: Record<string, unknown>[];
  close(graceMs?: number): Promise<void>;
}

/**
 * Starts the app on a free port of 127.0.0.1.
 * @param parts of the context that the test brings; the database is a fresh one unless given. Object store, pack engine
 * and their caches throw on use unless given; only a check of the store is passed.
 * @param env configuration, as in the environment
 */
export async function startTestApp(
  parts: Partial<AppContext> = {},
  env: Record<string, string> = {},
): Promise<TestApp> {
  const database = parts.db === undefined ? await createTestDatabase() : undefined;
  const logs: Record<string, unknown>[] = [];
  const ctx: AppContext = {
    config: readConfig({ HOST: '127.0.0.1', PORT: String(await freePort()), ...env }),
    db: (parts.db ?? database?.db) as AppContext['db'],
    objects: absent('objects', { check: async () => {} }),
    engine: absent('engine'),
    packCache: absent('packCache'),
    spool: absent('spool'),
    clock: { now: () => new Date() },
    log: pino({ level: 'debug' }, { write: (line: string) => logs.push(JSON.parse(line)) }),
    metrics: createMetrics(),
    faultPoint: async () => {},
    ...parts,
  };
  const server = await listen(ctx, createApp(ctx));
  return {
    ctx,
    url: server.url,
    logs,
    async close(graceMs = 0) {
      await server.close(graceMs);
      await database?.drop();
    },
  };
}

/** Chosen before the start because token audiences and clone URLs follow the configured port. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}

/** A part the test did not bring: using it is the test's mistake and says so. */
function absent<K extends keyof AppContext>(name: K, present: Partial<AppContext[K]> = {}): AppContext[K] {
  const refuse = () => {
    throw new Error(`this test has no ctx.${name}`);
  };
  const get = (parts: object, asked: string) => (Object.hasOwn(parts, asked) ? Reflect.get(parts, asked) : refuse());
  return new Proxy(present, { get, has: refuse }) as AppContext[K];
}

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
  /** The parsed body, or undefined when it is not JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  json: any;
}

export interface Sent {
  method?: string;
  headers?: Record<string, string>;
  /** Objects are sent as JSON, also with GET and DELETE. */
  body?: object | string | Buffer;
}

/**
 * One request over its own connection. A JSON answer that its route does not promise is an error: see
 * {@link checkAnswer}.
 */
export function send(base: string, path: string, { method = 'GET', headers = {}, body }: Sent = {}): Promise<Answer> {
  const bytes =
    body === undefined
      ? undefined
      : Buffer.isBuffer(body)
        ? body
        : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  const chunked = 'transfer-encoding' in headers;
  const { hostname, port } = new URL(base);
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        hostname,
        port,
        method,
        path,
        agent: false,
        headers: {
          'content-type': 'application/json',
          ...(bytes === undefined || chunked ? {} : { 'content-length': String(bytes.length) }),
          ...headers,
        },
      },
      (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('error', reject);
        incoming.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          const isJson = incoming.headers['content-type']?.startsWith('application/json') && text !== '';
          try {
            const status = incoming.statusCode ?? 0;
            const json = isJson ? JSON.parse(text) : undefined;
            checkAnswer(method, path, { status, json }, headers['content-type']);
            resolve({ status, headers: incoming.headers, text, json });
          } catch (error) {
            reject(error);
          }
        });
      },
    );
    outgoing.on('error', reject);
    outgoing.end(bytes);
  });
}

export interface TestAgent {
  agentId: string;
  agentName: string;
  publicKey: string;
  privateKey: KeyObject;
}

/** Registers an agent with a new key. */
export async function newAgent(
  app: { url: string },
  { agentName = `agent-${randomUUID()}`, type = 'ed25519' as 'ed25519' | 'ecdsa' } = {},
): Promise<TestAgent> {
  const { publicKey, privateKeyPem } = generateKey(type);
  const answer = await send(app.url, '/v1/agents/register', { method: 'POST', body: { agentName, publicKey } });
  if (answer.status !== 201) throw new Error(`registration failed: ${answer.text}`);
  return { agentId: answer.json.data.agentId, agentName, publicKey, privateKey: createPrivateKey(privateKeyPem) };
}

export interface Signing {
  action: string;
  /** The signed body. */
  body?: JsonObject;
  /** Where the envelope travels; default nested. */
  form?: 'nested' | 'flat' | 'headers' | 'query';
  /** Fields sent beside the envelope in the flat form and, as JSON, with the headers form; default: `body`. */
  fields?: JsonObject;
  nonce?: string;
  timestamp?: string;
}

/** A signed request, ready for {@link send}. */
export function sign(agent: Pick<TestAgent, 'agentId' | 'privateKey'>, signing: Signing): Sent & { query: string } {
  const { action, body = {}, form = 'nested', fields = body } = signing;
  const nonce = signing.nonce ?? randomUUID();
  const timestamp = signing.timestamp ?? `${new Date().toISOString().slice(0, 19)}Z`;
  const { agentId } = agent;
  const { signature } = signEnvelope({ agentId, action, timestamp, nonce, body }, agent.privateKey);
  const envelope = { agentId, timestamp, nonce, signature };
  if (form === 'flat') return { body: { ...fields, ...envelope }, query: '' };
  if (form === 'query') return { query: `?${new URLSearchParams(envelope)}` };
  if (form === 'headers') {
    const headers = { 'x-agent-id': agentId, 'x-timestamp': timestamp, 'x-nonce': nonce, 'x-signature': signature };
    return { headers, query: '', ...(Object.keys(fields).length > 0 ? { body: fields } : {}) };
  }
  return { body: { ...envelope, action, nonceHash: nonceHash(agentId, nonce), body }, query: '' };
}

/** Signs and sends. */
export function signedRequest(
  app: { url: string },
  agent: Pick<TestAgent, 'agentId' | 'privateKey'>,
  method: string,
  path: string,
  signing: Signing,
): Promise<Answer> {
  const { query, ...sent } = sign(agent, signing);
  return send(app.url, `${path}${query}`, { method, ...sent });
}

/** Creates a repository and returns its repository object. */
export async function newRepository(
  app: { url: string },
  owner: TestAgent,
  { name = `repo-${randomUUID()}`, visibility = 'public' } = {},
): Promise<{ repoId: string; name: string; cloneUrl: string }> {
  const body = { name, description: null, visibility };
  const answer = await signedRequest(app, owner, 'POST', '/v1/repos', { action: 'repo_create', body });
  if (answer.status !== 201) throw new Error(`creating a repository failed: ${answer.text}`);
  return answer.json.data;
}
