import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parsePublicKey } from './keys.js';
import { generateKey, publicKeyString } from './sign.js';

const bad = JSON.parse(
  readFileSync(new URL('../../test/vectors/ed25519-bad-points.json', import.meta.url), 'utf8'),
) as {
  smallOrder: string[];
  nonCanonical: string[];
  notOnCurve: string[];
};
const base64 = (hex: string) => Buffer.from(hex, 'hex').toString('base64');
const reasonOf = (text: string): unknown => {
  try {
    return parsePublicKey(text).type;
  } catch (error) {
    expect(error).toMatchObject({ code: 'INVALID_PUBLIC_KEY', details: { received: text.slice(0, 24) } });
    return (error as { details: { reason: string } }).details.reason;
  }
};

/** Every accepted spelling of one key pair's public half. */
function spellings(type: 'ed25519' | 'ecdsa'): string[] {
  const { privateKeyPem, publicKey } = generateKey(type);
  const key = createPublicKey(createPrivateKey(privateKeyPem));
  const pem = key.export({ type: 'spki', format: 'pem' }).toString();
  const der = key.export({ type: 'spki', format: 'der' });
  const shared = [
    publicKey,
    `${type}:${der.toString('base64')}`,
    pem,
    pem.replaceAll('\n', '\\n'),
    pem.trim(),
    pem.replaceAll('\n', '\r\n'),
  ];
  if (type === 'ed25519') return [...shared, publicKey.slice('ed25519:'.length)];
  const compressedSpki = Buffer.concat([
    Buffer.from('3039301306072a8648ce3d020106082a8648ce3d030107032200', 'hex'),
    Buffer.from(publicKey.slice('ecdsa:'.length), 'base64'),
  ]);
  return [...shared, `ecdsa:${der.subarray(-65).toString('base64')}`, `ecdsa:${compressedSpki.toString('base64')}`];
}

describe('parsePublicKey', () => {
  it.each(['ed25519', 'ecdsa'] as const)('reads every spelling of an %s key as the same key', (type) => {
    const parsed = spellings(type).map(parsePublicKey);
    expect(parsed.length).toBeGreaterThan(6);
    expect(new Set(parsed.map((key) => key.fingerprint)).size).toBe(1);
    expect(new Set(parsed.map((key) => key.type))).toEqual(new Set([type]));
    expect(new Set(parsed.map((key) => publicKeyString(key.keyObject))).size).toBe(1);
  });

  it.each(bad.smallOrder)('refuses the small-order point %s', (hex) => {
    expect(reasonOf(`ed25519:${base64(hex)}`)).toBe('the Ed25519 point has small order');
    expect(reasonOf(base64(hex))).toBe('the Ed25519 point has small order');
    expect(reasonOf(`ed25519:${base64(`302a300506032b6570032100${hex}`)}`)).toBe('the Ed25519 point has small order');
  });

  it.each([...bad.nonCanonical, ...bad.notOnCurve])('refuses the encoding %s', (hex) => {
    expect(reasonOf(`ed25519:${base64(hex)}`)).toBe('the bytes are no canonical Ed25519 point');
  });

  it('refuses P-256 points off the curve, at infinity, hybrid or of wrong length', () => {
    const point = Buffer.from(
      generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).publicKey.export({ type: 'spki', format: 'der' }),
    ).subarray(-65);
    const off = Buffer.from(point);
    off[64]! ^= 1;
    expect(reasonOf(`ecdsa:${off.toString('base64')}`)).toBe('the point is not on the curve P-256');
    // x = p is not a field element.
    expect(reasonOf(`ecdsa:${base64('02ffffffff00000001000000000000000000000000ffffffffffffffffffffffff')}`)).toBe(
      'the point is not on the curve P-256',
    );
    const hybrid = Buffer.from(point);
    hybrid[0] = 6;
    for (const bytes of [hybrid, Buffer.of(0), point.subarray(1), point.subarray(0, 64)]) {
      expect(reasonOf(`ecdsa:${bytes.toString('base64')}`)).toMatch(/33 or 65 bytes/);
    }
  });

  it.each([
    ['RSA', generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey],
    ['P-384', generateKeyPairSync('ec', { namedCurve: 'secp384r1' }).publicKey],
    ['secp256k1', generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey],
    ['X25519', generateKeyPairSync('x25519').publicKey],
    ['Ed448', generateKeyPairSync('ed448').publicKey],
  ])('refuses %s', (_name, key) => {
    expect(reasonOf(key.export({ type: 'spki', format: 'pem' }).toString())).toMatch(/neither|not a PUBLIC KEY/);
    const der = key.export({ type: 'spki', format: 'der' }).toString('base64');
    expect(reasonOf(`ecdsa:${der}`)).not.toBe('ecdsa');
    expect(reasonOf(`ed25519:${der}`)).not.toBe('ed25519');
  });

  it('refuses a key under the prefix of the other type', () => {
    const [ed, ec] = [spellings('ed25519')[1]!, spellings('ecdsa')[1]!];
    expect(reasonOf(ed.replace('ed25519:', 'ecdsa:'))).toMatch(/33 or 65 bytes/);
    expect(reasonOf(ec.replace('ecdsa:', 'ed25519:'))).toMatch(/32 bytes/);
  });

  it.each([
    '',
    'ed25519:',
    'ed25519:!!!!',
    'ed25519:A6EHv_POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg',
    'ed25519:A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg',
    'rsa:AAAA',
    'ed25519:ed25519:AAAA',
    '-----BEGIN PUBLIC KEY-----',
    '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----',
    'x'.repeat(100_000),
  ])('refuses %.60s', (text) => {
    expect(reasonOf(text)).toEqual(expect.any(String));
    expect(() => parsePublicKey(text)).toThrow();
  });

  it('does not echo a private key that was sent by mistake', () => {
    const { privateKeyPem } = generateKey('ed25519');
    const secret = privateKeyPem.split('\n')[1]!;
    expect(() => parsePublicKey(privateKeyPem)).toThrow(
      expect.objectContaining({
        details: { reason: expect.any(String), received: expect.not.stringContaining(secret.slice(0, 8)) },
      }),
    );
  });
});
