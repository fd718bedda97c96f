/** Agents in a test database and requests that they sign, for tests that call the auth room directly. */
import { createPrivateKey, type KeyObject, randomUUID } from 'node:crypto';
import pino from 'pino';
import type { RawRequest } from '../../src/auth/index.js';
import { readConfig } from '../../src/config.js';
import type { AppContext } from '../../src/context.js';
import type { Database } from '../../src/db/index.js';
import { createMetrics } from '../../src/metrics.js';
import {
  type Envelope,
  encodeToken,
  generateKey,
  type JsonObject,
  type KeyType,
  nonceHash,
  parsePublicKey,
  signEnvelope,
} from '../../src/signing/index.js';

/** The host that tokens of these tests are made for. */
export const AUDIENCE = '127.0.0.1:8080';

export function authContext(db: Database, env: Record<string, string> = {}): AppContext {
  const absent = {} as never;
  return {
    config: readConfig(env),
    db,
    objects: absent,
    engine: absent,
    packCache: absent,
    spool: absent,
    clock: { now: () => new Date() },
    log: pino({ level: 'silent' }),
    metrics: createMetrics(),
    faultPoint: async () => {},
  };
}

export interface TestAgent {
  agentId: string;
  agentName: string;
  keyId: string;
  privateKey: KeyObject;
}

/** Inserts an agent with one active key. */
export async function createAgent(db: Database, type: KeyType = 'ed25519'): Promise<TestAgent> {
  const agentId = randomUUID();
  const agentName = `agent-${agentId.slice(0, 8)}`;
  const key = generateKey(type);
  await db.sql`INSERT INTO agents (agent_id, agent_name, public_key) VALUES (${agentId}, ${agentName}, ${key.publicKey})`;
  return { agentId, agentName, ...(await addKey(db, agentId, type, key)) };
}

/** Gives an agent a further key. */
export async function addKey(
  db: Database,
  agentId: string,
  type: KeyType = 'ed25519',
  key = generateKey(type),
): Promise<{ keyId: string; privateKey: KeyObject }> {
  const keyId = randomUUID();
  const { fingerprint } = parsePublicKey(key.publicKey);
  await db.sql`INSERT INTO agent_keys (key_id, agent_id, public_key, key_type, fingerprint)
    VALUES (${keyId}, ${agentId}, ${key.publicKey}, ${type}, ${fingerprint})`;
  return { keyId, privateKey: createPrivateKey(key.privateKeyPem) };
}

export interface SignOptions {
  action: string;
  body?: JsonObject;
  nonce?: string;
  /** Seconds from now; negative = in the past. */
  offsetSecs?: number;
  timestamp?: string;
}

/** The fields of the nested form. */
export function signNested(agent: Pick<TestAgent, 'agentId' | 'privateKey'>, options: SignOptions) {
  const { canonical: _canonical, ...fields } = signFields(agent, options);
  return { ...fields, nonceHash: nonceHash(fields.agentId, fields.nonce) };
}

function signFields(agent: Pick<TestAgent, 'agentId' | 'privateKey'>, options: SignOptions) {
  const envelope: Envelope = {
    agentId: agent.agentId,
    action: options.action,
    timestamp: options.timestamp ?? secondsFromNow(options.offsetSecs ?? 0),
    nonce: options.nonce ?? randomUUID(),
    body: options.body ?? {},
  };
  return { ...envelope, ...signEnvelope(envelope, agent.privateKey) };
}

/** The four headers, in lower case as node hands them over. */
export function signHeaders(agent: Pick<TestAgent, 'agentId' | 'privateKey'>, options: SignOptions) {
  const { agentId, timestamp, nonce, signature } = signFields(agent, options);
  return { 'x-agent-id': agentId, 'x-timestamp': timestamp, 'x-nonce': nonce, 'x-signature': signature };
}

/** A `gct1.` token. */
export function signToken(
  agent: Pick<TestAgent, 'agentId' | 'privateKey'>,
  body: JsonObject,
  options: Partial<SignOptions> = {},
): string {
  const signed = signFields(agent, { action: 'git_auth', body: { aud: AUDIENCE, ...body }, ...options });
  return encodeToken(signed.canonical, signed.signature);
}

export function basic(user: string, secret: string): { authorization: string } {
  return { authorization: `Basic ${Buffer.from(`${user}:${secret}`).toString('base64')}` };
}

export function secondsFromNow(seconds: number): string {
  return `${new Date(Date.now() + seconds * 1000).toISOString().slice(0, 19)}Z`;
}

/** A request as the http room hands it over; `url` may carry a query. */
export function rawRequest(
  method: string,
  url: string,
  parts: { json?: unknown; body?: Buffer; headers?: Record<string, string> } = {},
): RawRequest {
  const { pathname, searchParams } = new URL(url, 'http://server');
  return {
    method,
    path: pathname,
    query: searchParams,
    headers: parts.headers ?? {},
    body: parts.body ?? (parts.json === undefined ? Buffer.alloc(0) : Buffer.from(JSON.stringify(parts.json))),
    ip: '127.0.0.1',
    requestId: randomUUID(),
  };
}
