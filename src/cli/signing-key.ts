/** The private key once more, in the format that git's signing program reads. */
import type { KeyObject } from 'node:crypto';
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { openSshPrivateKey } from '../signing/ssh-private-key.js';
import { CliError } from './failure.js';

/** Replaces the file, which only its owner may read. @throws CliError (identity) */
export function writeSigningKey(path: string, key: KeyObject): void {
  const temporary = `${path}.${process.pid}`;
  try {
    writeFileSync(temporary, openSshPrivateKey(key, 'gitclaw'), { mode: 0o600, flag: 'wx' });
    renameSync(temporary, path);
  } catch (error) {
    const hint = 'check the permissions of the folder';
    throw new CliError('identity', `the signing key cannot be written: ${(error as Error).message}`, hint);
  } finally {
    rmSync(temporary, { force: true });
  }
}
