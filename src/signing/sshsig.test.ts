import { execFileSync } from 'node:child_process';
import { createPrivateKey } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { generateKey, parsePublicKey } from './index.js';
import { openSshPrivateKey, openSshPublicKey } from './ssh-private-key.js';
import { SshFormatError } from './ssh-wire.js';
import { parseSshSignature, verifySshSignature } from './sshsig.js';

const folder = mkdtempSync(join(tmpdir(), 'gitclaw-sshsig-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const keygen = (args: string[], input = '') => execFileSync('ssh-keygen', args, { input, stdio: 'pipe' }).toString();
const message = Buffer.from('certificate version 0.1\näöü\n');

describe.each(['ed25519', 'ecdsa'] as const)('SSH signatures by %s keys', (type) => {
  const key = generateKey(type);
  const privateKey = createPrivateKey(key.privateKeyPem);
  const path = join(folder, type);
  writeFileSync(path, openSshPrivateKey(privateKey, 'agent'), { mode: 0o600 });
  const sign = (hash: string, namespace = 'git') =>
    keygen(['-Y', 'sign', '-n', namespace, '-O', `hashalg=${hash}`, '-f', path], message.toString());

  it('the written key is the key, for ssh-keygen', () => {
    expect(keygen(['-y', '-f', path]).split(' ').slice(0, 2)).toEqual(
      openSshPublicKey(privateKey, 'agent').split(' ').slice(0, 2),
    );
  });

  it('every key can be written, whatever its number', () => {
    for (let i = 0; i < 40; i++) {
      const other = join(folder, `${type}-${i}`);
      const made = createPrivateKey(generateKey(type).privateKeyPem);
      writeFileSync(other, openSshPrivateKey(made, 'x'.repeat(i % 9)), { mode: 0o600 });
      expect(keygen(['-y', '-f', other]).split(/\s/)[1]).toBe(openSshPublicKey(made, '').split(' ')[1]);
    }
  });

  it.each(['sha256', 'sha512'])('what ssh-keygen signs with %s is verified, and names the key', (hash) => {
    const parsed = parseSshSignature(sign(hash));
    expect([parsed.hash, parsed.namespace]).toEqual([hash, 'git']);
    expect(parsed.publicKey.fingerprint).toBe(parsePublicKey(key.publicKey).fingerprint);
    expect(verifySshSignature(parsed, message, 'git')).toBe(true);
    expect(verifySshSignature(parsed, Buffer.concat([message, Buffer.from('x')]), 'git')).toBe(false);
    expect(verifySshSignature(parsed, message, 'file')).toBe(false);
  });

  it('many signatures, so that numbers of every length come up', () => {
    for (let i = 0; i < 60; i++)
      expect(verifySshSignature(parseSshSignature(sign('sha512')), message, 'git')).toBe(true);
  });

  it('another namespace is another signature', () => {
    const parsed = parseSshSignature(sign('sha512', 'file'));
    expect(verifySshSignature(parsed, message, 'git')).toBe(false);
    expect(verifySshSignature({ ...parsed, namespace: 'git' }, message, 'git')).toBe(false);
  });

  it('no changed or shortened byte verifies, and none does anything but throw a format error', () => {
    const [, body = ''] = /^-+BEGIN SSH SIGNATURE-+\n([^-]+)/.exec(sign('sha256')) ?? [];
    const bytes = Buffer.from(body, 'base64');
    const attempt = (changed: Buffer) => {
      const armored = `-----BEGIN SSH SIGNATURE-----\n${changed.toString('base64')}\n-----END SSH SIGNATURE-----\n`;
      try {
        const parsed = parseSshSignature(armored);
        const registered = parsed.publicKey.fingerprint === parsePublicKey(key.publicKey).fingerprint;
        return registered && verifySshSignature(parsed, message, 'git');
      } catch (error) {
        expect(error).toBeInstanceOf(SshFormatError);
        return false;
      }
    };
    expect(attempt(bytes)).toBe(true);
    for (let at = 0; at < bytes.length; at++) {
      const changed = Buffer.from(bytes);
      changed[at]! ^= 0x01;
      expect(attempt(changed), `byte ${at}`).toBe(false);
      expect(attempt(bytes.subarray(0, at)), `length ${at}`).toBe(false);
    }
    expect(attempt(Buffer.concat([bytes, Buffer.of(0)]))).toBe(false);
  });
});

describe('what is no signature', () => {
  it.each([
    ['nothing', '', /not an armored/],
    ['PGP', '-----BEGIN PGP SIGNATURE-----\nAAAA\n-----END PGP SIGNATURE-----\n', /not an armored/],
    ['no base64', '-----BEGIN SSH SIGNATURE-----\nA\n-----END SSH SIGNATURE-----\n', /not an armored/],
    ['other bytes', '-----BEGIN SSH SIGNATURE-----\nQUFBQUFB\n-----END SSH SIGNATURE-----\n', /no SSHSIG/],
    [
      'far too long',
      `-----BEGIN SSH SIGNATURE-----\n${'A'.repeat(8000)}\n-----END SSH SIGNATURE-----\n`,
      /not an armored/,
    ],
  ])('%s', (_name, text, message) => {
    expect(() => parseSshSignature(text)).toThrow(SshFormatError);
    expect(() => parseSshSignature(text)).toThrow(message);
  });

  it('a key of another type is named', () => {
    const path = join(folder, 'rsa');
    keygen(['-q', '-t', 'rsa', '-b', '2048', '-N', '', '-f', path]);
    const armored = keygen(['-Y', 'sign', '-n', 'git', '-f', path], 'x');
    expect(() => parseSshSignature(armored)).toThrow('keys of the type "ssh-rsa" are not taken');
  });
});
