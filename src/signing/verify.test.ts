import { createPrivateKey, sign } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { digest, type Envelope } from './envelope.js';
import { parsePublicKey } from './keys.js';
import { generateKey, signEnvelope } from './sign.js';
import { decodeSignature, verifySignature } from './verify.js';

const ED25519_ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;
const P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const envelope: Envelope = {
  agentId: '11111111-1111-4111-8111-111111111111',
  action: 'star',
  timestamp: '2026-01-15T10:30:00Z',
  nonce: 'aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaa1',
  body: { repoId: 'r', reason: 'ü' },
};

function keyPair(type: 'ed25519' | 'ecdsa') {
  const { privateKeyPem, publicKey } = generateKey(type);
  return { privateKey: createPrivateKey(privateKeyPem), publicKey: parsePublicKey(publicKey) };
}

const toHex = (value: bigint) => value.toString(16).padStart(64, '0');
const bigEndian = (bytes: Buffer) => BigInt(`0x${bytes.toString('hex')}`);

/** DER INTEGER of the shortest form, with `pad` extra zero bytes in front. */
function derInteger(value: bigint, pad = 0): Buffer {
  let bytes = Buffer.from(toHex(value), 'hex');
  while (bytes.length > 1 && bytes[0] === 0 && bytes[1]! < 0x80) bytes = bytes.subarray(1);
  if (bytes[0]! >= 0x80) bytes = Buffer.concat([Buffer.of(0), bytes]);
  bytes = Buffer.concat([Buffer.alloc(pad), bytes]);
  return Buffer.concat([Buffer.of(2, bytes.length), bytes]);
}

function derSequence(...parts: Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  return Buffer.concat([Buffer.of(0x30, content.length), content]);
}

describe('Ed25519', () => {
  const { privateKey, publicKey } = keyPair('ed25519');
  const { canonical, signature } = signEnvelope(envelope, privateKey);
  const good = Buffer.from(signature, 'base64');

  it('accepts its own signature over the digest and nothing over the bare text', () => {
    expect(verifySignature(publicKey, canonical, good)).toBe(true);
    expect(verifySignature(publicKey, canonical, sign(null, Buffer.from(canonical), privateKey))).toBe(false);
  });

  it('refuses S + L, the malleable twin of a signature', () => {
    const scalar = bigEndian(Buffer.from(good.subarray(32)).reverse());
    const twin = Buffer.concat([good.subarray(0, 32), Buffer.from(toHex(scalar + ED25519_ORDER), 'hex').reverse()]);
    expect(verifySignature(publicKey, canonical, twin)).toBe(false);
  });

  it('refuses every single flipped byte, wrong lengths and the zero signature', () => {
    for (let at = 0; at < good.length; at++) {
      const flipped = Buffer.from(good);
      flipped[at]! ^= 1;
      expect(verifySignature(publicKey, canonical, flipped)).toBe(false);
    }
    for (const bytes of [good.subarray(1), Buffer.concat([good, Buffer.of(0)]), Buffer.alloc(64), Buffer.alloc(1)]) {
      expect(verifySignature(publicKey, canonical, bytes)).toBe(false);
    }
  });
});

describe('P-256', () => {
  const { privateKey, publicKey } = keyPair('ecdsa');
  const { canonical } = signEnvelope(envelope, privateKey);
  const raw = sign('sha256', Buffer.from(canonical), { key: privateKey, dsaEncoding: 'ieee-p1363' });
  const r = bigEndian(raw.subarray(0, 32));
  const s = bigEndian(raw.subarray(32));
  const isGood = (bytes: Buffer) => verifySignature(publicKey, canonical, bytes);

  it('accepts one hash and two, DER and raw, both signs of S, in 200 random signatures', () => {
    for (let round = 0; round < 50; round++) {
      const { canonical: text } = signEnvelope({ ...envelope, nonce: `n${round}` }, privateKey);
      for (const message of [Buffer.from(text), digest(text)]) {
        for (const dsaEncoding of ['der', 'ieee-p1363'] as const) {
          expect(verifySignature(publicKey, text, sign('sha256', message, { key: privateKey, dsaEncoding }))).toBe(
            true,
          );
        }
      }
    }
    expect(isGood(derSequence(derInteger(r), derInteger(s)))).toBe(true);
    expect(isGood(derSequence(derInteger(r), derInteger(P256_ORDER - s)))).toBe(true);
    expect(isGood(Buffer.from(toHex(r) + toHex(P256_ORDER - s), 'hex'))).toBe(true);
  });

  it('refuses three hashes', () => {
    expect(isGood(sign('sha256', digest(digest(canonical).toString('hex')), privateKey))).toBe(false);
  });

  it('refuses odd DER', () => {
    const der = derSequence(derInteger(r), derInteger(s));
    const longForm = Buffer.concat([Buffer.of(0x30, 0x81, der.length - 2), der.subarray(2)]);
    const wrongTag = Buffer.from(der);
    wrongTag[0] = 0x31;
    for (const bytes of [
      derSequence(derInteger(r, 1), derInteger(s)),
      derSequence(derInteger(r), derInteger(s), derInteger(1n)),
      derSequence(derInteger(r)),
      Buffer.concat([der, Buffer.of(0)]),
      der.subarray(0, -1),
      longForm,
      wrongTag,
    ]) {
      expect(isGood(bytes)).toBe(false);
    }
  });

  it('refuses values out of range', () => {
    for (const [first, second] of [
      [0n, s],
      [r, 0n],
      [0n, 0n],
      [P256_ORDER, s],
      [r, P256_ORDER],
    ] as const) {
      expect(isGood(derSequence(derInteger(first), derInteger(second)))).toBe(false);
      expect(isGood(Buffer.from(toHex(first) + toHex(second), 'hex'))).toBe(false);
    }
  });

  it('refuses the signature of another key, and an Ed25519 signature', () => {
    expect(isGood(Buffer.from(signEnvelope(envelope, keyPair('ecdsa').privateKey).signature, 'base64'))).toBe(false);
    expect(isGood(Buffer.from(signEnvelope(envelope, keyPair('ed25519').privateKey).signature, 'base64'))).toBe(false);
  });
});

describe('decodeSignature', () => {
  it.each(['', 'AAA', 'AA=', 'AA', 'A-_A', ' AAAA', 'AAAA\n', 'AB==', 'A'.repeat(100), 'A'.repeat(1_000_000), 'ü'])(
    'refuses %.20j',
    (text) => {
      expect(decodeSignature(text)).toBeUndefined();
    },
  );
  it('reads padded standard base64', () => {
    expect(decodeSignature('+/8=')).toEqual(Buffer.of(0xfb, 0xff));
  });
});
