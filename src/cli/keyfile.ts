/** Private keys on disk: PKCS#8 PEM, readable by the owner only. */
import { createPrivateKey, type KeyObject } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { generateKey, publicKeyString } from '../signing/sign.js';
import type { Env } from './cli.js';
import { CliError } from './failure.js';
import type { KeyType } from './store.js';

export interface LoadedKey {
  path: string;
  privateKey: KeyObject;
  /** As it is registered: `ed25519:...` or `ecdsa:...`. */
  publicKey: string;
  keyType: KeyType;
}

/** @throws CliError (identity) when there is no usable key at `path` */
export function readKey(path: string): LoadedKey {
  let pem: string;
  try {
    pem = readFileSync(path, 'utf8');
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is no key' : 'the key cannot be read';
    throw new CliError('identity', `${reason} at ${path}`, 'make one: gitclaw keygen, or gitclaw setup URL');
  }
  try {
    const privateKey = createPrivateKey(pem);
    const publicKey = publicKeyString(privateKey);
    return { path, privateKey, publicKey, keyType: publicKey.startsWith('ecdsa:') ? 'ecdsa' : 'ed25519' };
  } catch {
    const hint = 'it must be an unencrypted PKCS#8 PEM file with an Ed25519 or P-256 key';
    throw new CliError('identity', `${path} is not a usable private key`, hint);
  }
}

/** Makes a key. @returns false when `path` exists and `overwrite` is not set: a key is never lost by accident */
export function createKey(path: string, keyType: KeyType, overwrite = false): boolean {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const temporary = `${path}.${process.pid}.new`;
  try {
    writeFileSync(temporary, generateKey(keyType).privateKeyPem, { mode: 0o600, flag: 'wx' });
    if (overwrite) renameSync(temporary, path);
    else linkSync(temporary, path);
    return true;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return false;
    throw new CliError('identity', `the key cannot be written: ${message}`, 'check the folder, or name another file');
  } finally {
    rmSync(temporary, { force: true });
  }
}

/** The key at `path`, made first when there is none. */
export function ensureKey(path: string, keyType: KeyType): LoadedKey {
  createKey(path, keyType);
  return readKey(path);
}

/** `--key-type`, else GITCLAW_KEY_TYPE, else Ed25519. @throws CliError (usage) */
export function chooseKeyType(env: Env, flag: string | undefined): KeyType {
  const [value, source] = flag ? [flag, '--key-type'] : [env.GITCLAW_KEY_TYPE || 'ed25519', 'GITCLAW_KEY_TYPE'];
  if (value === 'ed25519' || value === 'ecdsa') return value;
  throw new CliError('usage', `${source} is "${value}"`, 'the key types are ed25519 and ecdsa (P-256)');
}
