import { createPrivateKey } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { parsePublicKey } from './keys.js';
import { generateKey, signEnvelope } from './sign.js';
import { encodeToken, parseToken } from './token.js';
import { decodeSignature, verifySignature } from './verify.js';

const envelope = {
  agentId: '11111111-1111-4111-8111-111111111111',
  action: 'git_auth',
  timestamp: '2026-01-15T10:30:00Z',
  nonce: 'aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaa1',
  body: { aud: 'localhost:8080', repoId: 'owner/name', service: 'git-upload-pack' },
};
const key = generateKey();
const signed = signEnvelope(envelope, createPrivateKey(key.privateKeyPem));
const token = encodeToken(signed.canonical, signed.signature);
const encode = (text: string) => Buffer.from(text).toString('base64url');

describe('gct1 tokens', () => {
  it.each(['ed25519', 'ecdsa'] as const)('survive a round trip with an %s key', (type) => {
    const pair = generateKey(type);
    const { canonical, signature } = signEnvelope(envelope, createPrivateKey(pair.privateKeyPem));
    const text = encodeToken(canonical, signature);
    expect(text).toMatch(/^gct1\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/);
    const parsed = parseToken(text);
    expect(parsed).toEqual({ envelope, canonical, signature });
    expect(verifySignature(parsePublicKey(pair.publicKey), canonical, decodeSignature(parsed!.signature)!)).toBe(true);
  });

  it.each([
    ['another prefix', token.replace('gct1', 'gct2')],
    ['a third part', `${token}.AAAA`],
    ['no signature', token.slice(0, token.lastIndexOf('.'))],
    ['an empty signature', token.slice(0, token.lastIndexOf('.') + 1)],
    ['padding', `${token}=`],
    ['standard base64', `gct1.${Buffer.from(signed.canonical).toString('base64')}.${signed.signature}`],
    ['white space', token.replace('.', '. ')],
    ['a payload that is not canonical', `gct1.${encode(JSON.stringify(envelope))}.AAAA`],
    ['an extra envelope key', `gct1.${encode(signed.canonical.replace('{', '{"a":1,'))}.AAAA`],
    ['a missing envelope key', `gct1.${encode('{"action":"git_auth"}')}.AAAA`],
    ['a lone surrogate', `gct1.${encode(signed.canonical.replace('owner', '\\ud800'))}.AAAA`],
    ['an array', `gct1.${encode('[]')}.AAAA`],
    ['no JSON', `gct1.${encode('x')}.AAAA`],
    ['nothing', ''],
    ['too much', `gct1.${'A'.repeat(100_000)}.AAAA`],
  ])('are refused with %s', (_name, text) => {
    expect(parseToken(text)).toBeUndefined();
  });
});
