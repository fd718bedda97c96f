import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  canonicalEnvelope,
  decodeSignature,
  digest,
  type JsonObject,
  nonceHash,
  parsePublicKey,
  publicKeyString,
  signEnvelope,
  verifySignature,
} from './index.js';

interface Vectors {
  seed: string;
  ed25519: { publicKey: string; spki: string };
  p256: Record<'compressed' | 'uncompressed' | 'singleHashDer' | 'doubleHashDer' | 'doubleHashRaw', string>;
  agentId: string;
  timestamp: string;
  envelopes: {
    name: string;
    action: string;
    nonce: string;
    body: JsonObject;
    canonical: string;
    sha256: string;
    signature: string;
    nonceHash: string;
  }[];
}

const vectors = JSON.parse(
  readFileSync(new URL('../../test/vectors/signatures.json', import.meta.url), 'utf8'),
) as Vectors;
const { agentId, timestamp } = vectors;
const privateKey = createPrivateKey({
  key: Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), Buffer.from(vectors.seed, 'hex')]),
  format: 'der',
  type: 'pkcs8',
});

describe('published test vectors', () => {
  it.each(vectors.envelopes)('$name: canonical text, digest, signature and nonce hash', (vector) => {
    const envelope = { agentId, timestamp, action: vector.action, nonce: vector.nonce, body: vector.body };
    expect(canonicalEnvelope(envelope)).toBe(vector.canonical);
    expect(digest(vector.canonical).toString('hex')).toBe(vector.sha256);
    expect(signEnvelope(envelope, privateKey)).toEqual({ canonical: vector.canonical, signature: vector.signature });
    expect(nonceHash(agentId, vector.nonce)).toBe(vector.nonceHash);
    const key = parsePublicKey(vectors.ed25519.publicKey);
    expect(verifySignature(key, vector.canonical, decodeSignature(vector.signature)!)).toBe(true);
    expect(verifySignature(key, `${vector.canonical} `, decodeSignature(vector.signature)!)).toBe(false);
  });

  it('derives the public key of the seed', () => {
    expect(publicKeyString(privateKey)).toBe(vectors.ed25519.publicKey);
    expect(parsePublicKey(`ed25519:${vectors.ed25519.spki}`).fingerprint).toBe(
      parsePublicKey(vectors.ed25519.publicKey).fingerprint,
    );
  });

  it.each(['singleHashDer', 'doubleHashDer', 'doubleHashRaw'] as const)('V6/V7 %s', (form) => {
    const { canonical } = vectors.envelopes[0]!;
    const signature = decodeSignature(vectors.p256[form])!;
    for (const text of [vectors.p256.compressed, `ecdsa:${vectors.p256.uncompressed}`]) {
      expect(verifySignature(parsePublicKey(text), canonical, signature)).toBe(true);
      expect(verifySignature(parsePublicKey(text), canonical.replace('demo', 'dem0'), signature)).toBe(false);
    }
  });
});
