import { execFileSync } from 'node:child_process';
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { PushCertPolicy } from '../../src/client/index.js';
import { TestAgent } from '../support/agent.js';
import { type Deployment, embedded, twoNodes } from '../support/deployment.js';

const kinds = [
  { ...embedded, keyType: 'ed25519' as const },
  { ...twoNodes, keyType: 'ecdsa' as const },
];

describe.each(kinds)('signed pushes and push options: $name, $keyType', (kind) => {
  let deployment: Deployment;
  let agent: TestAgent;
  let url: string;
  let repoId: string;
  let work: string;
  let count = 0;

  const git = (...args: string[]) => agent.git(args, { cwd: work });
  const fails = async (...args: string[]) => {
    const result = await agent.git(args, { cwd: work, ok: false });
    expect(result.code).not.toBe(0);
    return result.stderr;
  };
  const commit = async () => {
    writeFileSync(join(work, 'file.txt'), `${Math.random()}\n`);
    await git('add', '-A');
    await git('commit', '-q', '-m', 'change');
    return (await git('rev-parse', 'HEAD')).stdout.trim();
  };
  const remote = async (ref: string) => (await agent.remoteRefs(url)).get(ref);
  const setPolicy = (pushCertPolicy: PushCertPolicy) => agent.client.updateRepo(repoId, { pushCertPolicy });
  /** Data of the newest push in the audit log. */
  const lastPush = async () => {
    const { events } = await agent.client.audit({ repo_id: repoId, action: 'push', limit: 1 });
    return events[0]!.data as {
      proof: string;
      push_options: string[];
      push_event_id: string;
      certificate_hash: string | null;
    };
  };

  beforeAll(async () => {
    deployment = await kind.start();
    agent = await TestAgent.setup(deployment.url, 'signer', { keyType: kind.keyType });
    await agent.cli(['setup', deployment.url, '--sign-pushes']);
  });

  afterAll(async () => {
    agent?.dispose();
    await deployment?.stop();
  });

  beforeEach(async () => {
    count += 1;
    ({ cloneUrl: url, repoId } = await agent.createRepo(`repo-${count}`));
    work = agent.sandbox.path(`work-${count}`);
    await agent.git(['clone', '-q', url, work]);
    await commit();
  });

  test('gitclaw setup --sign-pushes writes a key of its owner alone, and git signs because it is asked', async () => {
    const path = (await git('config', 'user.signingkey')).stdout.trim();
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect((await git('config', 'push.gpgSign')).stdout).toBe('if-asked\n');
    await git('push', '-q', 'origin', 'main');
    const push = await lastPush();
    expect([push.proof, push.push_options]).toEqual(['proven', []]);
    const kept = await agent.client.getPushCertificate(repoId, push.push_event_id);
    expect(kept).toMatchObject({ repoId, agentId: agent.agentId, certificateHash: push.certificate_hash });
    expect(kept.certificate).toContain(`nonce ${kept.nonce}\n`);
    expect(kept.certificate).toContain(`${'0'.repeat(40)} ${await remote('refs/heads/main')} refs/heads/main\n`);

    // Anybody can check what is kept without us.
    const at = kept.certificate.indexOf('-----BEGIN SSH SIGNATURE-----');
    const [signature, signers] = [agent.sandbox.path('certificate.sig'), agent.sandbox.path('signers')];
    writeFileSync(signature, kept.certificate.slice(at));
    const publicKey = execFileSync('ssh-keygen', ['-y', '-f', path]).toString();
    writeFileSync(signers, `agent ${publicKey}`);
    const args = ['-Y', 'verify', '-n', 'git', '-I', 'agent', '-f', signers, '-s', signature];
    const said = execFileSync('ssh-keygen', args, { input: kept.certificate.slice(0, at) }).toString();
    expect(said).toContain('Good "git" signature for agent');
  });

  test('setup does not take the place of another signing key', async () => {
    const other = await TestAgent.setup(deployment.url, `other-${count}`);
    await other.git(['config', '--global', 'user.signingkey', '/home/me/.ssh/id']);
    const { code, stderr } = await other.cli(['setup', deployment.url, '--sign-pushes'], { ok: false });
    expect(code).not.toBe(0);
    expect(stderr).toContain('user.signingkey is /home/me/.ssh/id');
    expect((await other.git(['config', '--global', 'user.signingkey'])).stdout).toBe('/home/me/.ssh/id\n');
    other.dispose();
  });

  test('options and certificate together, atomically', async () => {
    await git('branch', 'topic');
    await git('push', '-q', '--signed', '--atomic', '-o', 'ci.skip', '-o', 'note=grün', 'origin', 'main', 'topic');
    const push = await lastPush();
    expect(push).toMatchObject({ proof: 'proven', push_options: ['ci.skip', 'note=grün'] });
    const { certificate } = await agent.client.getPushCertificate(repoId, push.push_event_id);
    expect(certificate).toContain('push-option ci.skip\npush-option note=grün\n\n');
    expect(await remote('refs/heads/topic')).toBe(await remote('refs/heads/main'));
  });

  test('options without a certificate, in both protocol versions', async () => {
    for (const version of ['0', '1']) {
      await commit();
      await git(
        '-c',
        `protocol.version=${version}`,
        'push',
        '-q',
        '--no-signed',
        '-o',
        `v=${version}`,
        'origin',
        'main',
      );
      expect(await lastPush()).toMatchObject({
        proof: 'unproven',
        push_options: [`v=${version}`],
        certificate_hash: null,
      });
    }
    const { push_event_id } = await lastPush();
    await expect(agent.client.getPushCertificate(repoId, push_event_id)).rejects.toThrow('no certificate');
  });

  test('a deletion is signed too', async () => {
    await git('push', '-q', '--signed', 'origin', 'main', 'main:gone');
    await git('push', '-q', '--signed', 'origin', ':gone');
    const push = await lastPush();
    const { certificate } = await agent.client.getPushCertificate(repoId, push.push_event_id);
    expect(certificate).toMatch(/^[0-9a-f]{40} 0{40} refs\/heads\/gone$/m);
    expect(await remote('refs/heads/gone')).toBeUndefined();
  });

  test('a key of nobody is refused, and so is that of another agent', async () => {
    const other = await TestAgent.setup(deployment.url, `other-${count}`, { keyType: kind.keyType });
    await other.cli(['setup', deployment.url, '--sign-pushes']);
    const foreign = (await other.git(['config', 'user.signingkey'])).stdout.trim();
    const path = agent.sandbox.path(`stray-${count}`);
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', path]);
    for (const key of [path, foreign]) {
      expect(await fails('-c', `user.signingkey=${key}`, 'push', '--signed', 'origin', 'main')).toMatch(
        /main -> main \(push certificate refused: it is signed with a key that is not registered for this agent.*--sign-pushes/,
      );
    }
    expect(await remote('refs/heads/main')).toBeUndefined();
    other.dispose();
  });

  test('with the policy `required` unsigned pushes are told what to do; signed ones pass', async () => {
    await setPolicy('required');
    expect(await fails('push', '--no-signed', 'origin', 'main')).toMatch(
      /main -> main \(this repository takes signed pushes only: use git push --signed/,
    );
    expect(await remote('refs/heads/main')).toBeUndefined();
    await git('push', '-q', 'origin', 'main');
    expect((await lastPush()).proof).toBe('proven');
  });

  test('with the policy `off` git is told that certificates are not taken', async () => {
    await setPolicy('off');
    expect(await fails('push', '--signed', 'origin', 'main')).toContain('does not support --signed push');
    await git('push', '-q', 'origin', 'main');
    expect((await lastPush()).proof).toBe('unproven');
  });

  test('a rule can ask for certificates on some branches', async () => {
    const rule = { repoId, pattern: 'main', requiredPushCert: true };
    await agent.client.request('PUT', `/v1/repos/${repoId}/protection/main`, { action: 'protection_set', body: rule });
    expect(await fails('push', '--no-signed', 'origin', 'main', 'main:free')).toMatch(/main -> main \(.*--signed/);
    expect(await remote('refs/heads/free')).toBeDefined();
    await git('push', '-q', '--signed', 'origin', 'main');
    expect(await remote('refs/heads/main')).toBeDefined();
  });
});
