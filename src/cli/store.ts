/** The identity store: one folder per server under the user's configuration folder, holding a key and who it belongs to. */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Env } from './cli.js';
import { CliError } from './failure.js';

export type KeyType = 'ed25519' | 'ecdsa';

export interface StoredIdentity {
  agentId: string;
  agentName: string;
  /** Origin of the server. */
  baseUrl: string;
  keyType: KeyType;
  /** Set when the key lies outside the store, as GITCLAW_PRIVATE_KEY_PATH named it. */
  keyPath?: string;
}

/** `$XDG_CONFIG_HOME/gitclaw`, `%APPDATA%\gitclaw` or `~/.config/gitclaw`. */
export function configDir(env: Env): string {
  if (env.XDG_CONFIG_HOME) return join(env.XDG_CONFIG_HOME, 'gitclaw');
  if (process.platform === 'win32' && env.APPDATA) return join(env.APPDATA, 'gitclaw');
  return join(env.HOME || homedir(), '.config', 'gitclaw');
}

/** The folder of one server. The spellings of the loopback address share one, since they dial the same server. */
export function serverDir(env: Env, server: URL): string {
  const loopback = server.hostname === '[::1]' || server.hostname === '127.0.0.1';
  const port = server.port || (server.protocol === 'http:' ? '80' : '');
  const name = [loopback ? 'localhost' : server.hostname, port].filter(Boolean).join('_');
  return join(configDir(env), name.replace(/[^a-z0-9._-]/g, '-'));
}

/** Where the key for a server lies unless the environment names another file. */
export function storedKeyPath(env: Env, server: URL): string {
  return join(serverDir(env, server), 'key.pem');
}

/** Where the same key lies in the format of OpenSSH, once git was set up to sign pushes. */
export function signingKeyPath(env: Env, server: URL): string {
  return join(serverDir(env, server), 'signing-key');
}

/** @throws CliError (identity) when the file is there and damaged */
export function readStored(env: Env, server: URL): StoredIdentity | undefined {
  const identity = readIdentityFile(join(serverDir(env, server), 'identity.json'));
  // What was registered over TLS must not be offered to the same name without it.
  return identity !== undefined && new URL(identity.baseUrl).protocol === server.protocol ? identity : undefined;
}

/** Every identity that can be read; damaged ones are left out. */
export function storedIdentities(env: Env): StoredIdentity[] {
  const found: StoredIdentity[] = [];
  for (const name of list(configDir(env))) {
    try {
      const identity = readIdentityFile(join(configDir(env), name, 'identity.json'));
      if (identity !== undefined) found.push(identity);
    } catch {}
  }
  return found;
}

/** Writes beside and renames, so that a crash leaves the old file or the new one. */
export function writeStored(env: Env, server: URL, identity: StoredIdentity): void {
  const dir = serverDir(env, server);
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const path = join(dir, 'identity.json');
  const temporary = `${path}.${process.pid}`;
  try {
    writeFileSync(temporary, `${JSON.stringify(identity, null, 2)}\n`, { mode: 0o600 });
    renameSync(temporary, path);
  } finally {
    rmSync(temporary, { force: true });
  }
}

function readIdentityFile(path: string): StoredIdentity | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new CliError('identity', `${path} cannot be read: ${code}`, 'check the permissions of the file');
  }
  try {
    const value = JSON.parse(text) as Partial<StoredIdentity>;
    if (value.agentId && value.agentName && value.baseUrl && URL.canParse(value.baseUrl))
      return value as StoredIdentity;
  } catch {}
  throw new CliError('identity', `${path} is damaged`, 'delete the file and run `gitclaw setup URL` again');
}

function list(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch {
    return [];
  }
}
