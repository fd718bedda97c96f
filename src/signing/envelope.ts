/** The signature envelope: five keys, canonicalised, hashed, signed. */
import { createHash } from 'node:crypto';
import { canonicalize } from './jcs.js';
import type { JsonObject } from './json.js';

export interface Envelope {
  agentId: string;
  action: string;
  /** RFC 3339, exactly as the signer wrote it. */
  timestamp: string;
  /** UUIDv4. */
  nonce: string;
  body: JsonObject;
}

/** RFC 8785 text of exactly the five envelope keys, whatever else the given object carries. */
export function canonicalEnvelope({ agentId, action, timestamp, nonce, body }: Envelope): string {
  return canonicalize({ agentId, action, timestamp, nonce, body });
}

/** SHA-256 of the UTF-8 bytes, 32 bytes: the message that Ed25519 signs. */
export function digest(canonical: string): Buffer {
  return createHash('sha256').update(canonical, 'utf8').digest();
}

/** Lowercase hex SHA-256 of `agentId:nonce`: nonces are scoped per agent. */
export function nonceHash(agentId: string, nonce: string): string {
  return digest(`${agentId}:${nonce}`).toString('hex');
}

/** UUID of version 4 and the RFC 9562 variant, hex digits in any case. */
export function isUuid4(text: string): boolean {
  return /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i.test(text);
}
