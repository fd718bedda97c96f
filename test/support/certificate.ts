/** Push certificates as `git push --signed` with an SSH key makes them. */
import { execFileSync } from 'node:child_process';
import { type KeyObject, randomBytes, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSshPrivateKey } from '../../src/signing/index.js';

export interface TestCertificate {
  /** Of the push. */
  eventId: string;
  repoId: string;
  agentId: string;
  keyId: string;
  nonce: string;
  certificate: string;
}

/**
 * A certificate signed by ssh-keygen, with a nonce in the form of the server's.
 * @param options.ageSecs how long ago the nonce was given
 */
export function makeCertificate(
  agent: { agentId: string; keyId: string; privateKey: KeyObject },
  repoId: string,
  updates: readonly { oldOid: string; newOid: string; refName: string }[],
  pushOptions: readonly string[],
  options: { nonce?: string; ageSecs?: number } = {},
): TestCertificate {
  const time = Math.floor(Date.now() / 1000) - (options.ageSecs ?? 1);
  const nonce = options.nonce ?? `${randomBytes(8).toString('hex')}-${time}-${randomBytes(32).toString('hex')}`;
  const payload = [
    'certificate version 0.1',
    `pusher agent ${time} +0000`,
    'pushee http://127.0.0.1:8080/owner/name.git',
    `nonce ${nonce}`,
    ...pushOptions.map((option) => `push-option ${option}`),
    '',
    ...updates.map(({ oldOid, newOid, refName }) => `${oldOid} ${newOid} ${refName}`),
    '',
  ].join('\n');
  const folder = mkdtempSync(join(tmpdir(), 'gitclaw-certificate-'));
  try {
    const path = join(folder, 'key');
    writeFileSync(path, openSshPrivateKey(agent.privateKey, 'agent'), { mode: 0o600 });
    const args = ['-q', '-Y', 'sign', '-n', 'git', '-f', path];
    const signature = execFileSync('ssh-keygen', args, { input: payload, stdio: ['pipe', 'pipe', 'ignore'] });
    const { agentId, keyId } = agent;
    return { eventId: randomUUID(), repoId, agentId, keyId, nonce, certificate: payload + signature.toString() };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
