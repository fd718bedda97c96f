/** Registering an agent for a server, and finding the registration again when its record was lost. */
import { randomBytes } from 'node:crypto';
import { hostname, userInfo } from 'node:os';
import { resolve } from 'node:path';
import { ConflictError, type GitClawClient, NotFoundError } from '../client/index.js';
import type { Env } from './cli.js';
import type { LoadedKey } from './keyfile.js';
import { type StoredIdentity, storedKeyPath, writeStored } from './store.js';

export interface Registration {
  agentId: string;
  agentName: string;
  /** False when the server knew this key under this name already. */
  created: boolean;
}

/**
 * Registers `key`. A name that is taken by an agent with this very key is ours: an earlier run got as far as the server.
 * @param name absent = one is made up from user and machine
 * @throws ConflictError when the name is somebody else's
 */
export async function registerKey(
  client: GitClawClient,
  key: LoadedKey,
  name: string | undefined,
  capabilities: string[] = [],
): Promise<Registration> {
  const agentName = name ?? inventName();
  try {
    const body = { agentName, publicKey: key.publicKey, ...(capabilities.length > 0 ? { capabilities } : {}) };
    const agent = await client.register(body);
    return { agentId: agent.agentId, agentName: agent.agentName, created: true };
  } catch (error) {
    if (!(error instanceof ConflictError)) throw error;
    const agentId = await findAgent(client, agentName, key.publicKey);
    if (agentId === undefined) throw error;
    return { agentId, agentName, created: false };
  }
}

/** Keeps a registration in the store; a key outside it is only referred to. */
export function remember(env: Env, server: URL, registration: Registration, key: LoadedKey): StoredIdentity {
  const identity: StoredIdentity = {
    agentId: registration.agentId,
    agentName: registration.agentName,
    baseUrl: server.origin,
    keyType: key.keyType,
    ...(key.path === storedKeyPath(env, server) ? {} : { keyPath: resolve(key.path) }),
  };
  writeStored(env, server, identity);
  return identity;
}

async function findAgent(client: GitClawClient, name: string, publicKey: string): Promise<string | undefined> {
  try {
    const agent = (await client.searchAgents(name)).find((candidate) => candidate.agentName === name);
    if (agent === undefined) return undefined;
    const keys = await client.listKeys(agent.agentId);
    return keys.some((key) => key.publicKey === publicKey && key.revokedAt === null) ? agent.agentId : undefined;
  } catch (error) {
    if (error instanceof NotFoundError) return undefined;
    throw error;
  }
}

function inventName(): string {
  const parts = [userInfo().username, hostname(), randomBytes(3).toString('hex')];
  const name = parts.map((part) => part.replace(/[^A-Za-z0-9]+/g, '-').replace(/^-+|-+$/g, '')).filter(Boolean);
  return name.join('-').slice(-128).replace(/^-+/, '');
}
