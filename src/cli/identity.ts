/** Who signs: the environment first, then the store. */
import type { Env } from './cli.js';
import { CliError } from './failure.js';
import { type LoadedKey, readKey } from './keyfile.js';
import { parseServer, sameServer } from './server.js';
import { readStored, type StoredIdentity, storedKeyPath } from './store.js';

export interface Identity {
  agentId: string;
  /** Unknown when the environment names the agent. */
  agentName: string | undefined;
  key: LoadedKey;
  source: 'environment' | 'store';
}

/**
 * The identity for a server.
 * @returns undefined when there is none
 * @throws CliError (identity) when there is one and it is broken
 */
export function findIdentity(env: Env, server: URL): Identity | undefined {
  const stored = readStored(env, server);
  if (appliesTo(env, server)) {
    const agentId = env.GITCLAW_AGENT_ID || stored?.agentId;
    const path = env.GITCLAW_PRIVATE_KEY_PATH;
    if (path && agentId) return fromEnvironment(agentId, stored, path, env.GITCLAW_KEY_TYPE);
    if (env.GITCLAW_AGENT_ID && env.GITCLAW_AGENT_ID !== stored?.agentId) {
      const message = 'GITCLAW_AGENT_ID is set and there is no key for this agent';
      throw new CliError('identity', message, 'set GITCLAW_PRIVATE_KEY_PATH too, or unset GITCLAW_AGENT_ID');
    }
  }
  if (stored === undefined) return undefined;
  const key = readKey(stored.keyPath ?? storedKeyPath(env, server));
  return { agentId: stored.agentId, agentName: stored.agentName, key, source: 'store' };
}

/** As {@link findIdentity}. @throws CliError (identity) when there is none */
export function requireIdentity(env: Env, server: URL): Identity {
  const identity = findIdentity(env, server);
  if (identity !== undefined) return identity;
  const hint = `run: gitclaw setup ${server.origin}, or name the address of another server`;
  throw new CliError('identity', `you have no identity for ${server.origin}`, hint);
}

/** Variables that name a server speak for that one only. */
function appliesTo(env: Env, server: URL): boolean {
  if (!env.GITCLAW_BASE_URL) return true;
  return sameServer(parseServer(env.GITCLAW_BASE_URL, 'GITCLAW_BASE_URL'), server);
}

function fromEnvironment(
  agentId: string,
  stored: StoredIdentity | undefined,
  path: string,
  keyType: string | undefined,
): Identity {
  const key = readKey(path);
  if (keyType && keyType !== key.keyType) {
    const message = `GITCLAW_KEY_TYPE is ${keyType} and the key at ${path} is ${key.keyType}`;
    throw new CliError('identity', message, 'name another key file, or unset GITCLAW_KEY_TYPE');
  }
  const agentName = stored?.agentId === agentId ? stored.agentName : undefined;
  return { agentId, agentName, key, source: 'environment' };
}
