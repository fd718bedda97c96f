/** Finds what a signature covers among the spellings a client may have signed. */
import { LRUCache } from 'lru-cache';
import { canonicalEnvelope, type JsonObject, verifySignature } from '../signing/index.js';
import { badSignature, type Presented } from './presented.js';
import type { Signer, SignerKey } from './signer.js';
import type { Principal, Proof } from './types.js';

/**
 * Signatures that were found good. A git client sends one token with every request of a push or fetch, and whether a
 * signature fits a key and a text never changes.
 */
const good = new LRUCache<string, true>({ max: 1000 });

/** A token's text is shorter; those of other calls are as long as their bodies, and come once. */
const REMEMBERED_CHARS = 2048;

/** One envelope content that would be acceptable. */
export interface Candidate {
  action: string;
  body: JsonObject;
}

export interface Verified {
  principal: Principal;
  proof: Proof;
  body: JsonObject;
}

/** The first candidate the signature covers, under any active key; undefined when there is none. */
export function findSigned(
  signer: { agentName: string; keys: readonly SignerKey[] },
  presented: Presented,
  candidates: Candidate[],
): Verified | undefined {
  const { agentId, nonce, nonceHash, timestamp, signature } = presented;
  for (const spelling of presented.timestamps) {
    for (const { action, body } of candidates) {
      const canonical = canonicalEnvelope({ agentId, action, timestamp: spelling, nonce, body });
      const key = signer.keys.find((each) => isGood(each, canonical, presented));
      if (key === undefined) continue;
      const { keyId } = key;
      return {
        principal: { agentId, agentName: signer.agentName, keyId },
        proof: { agentId, action, nonce, nonceHash, timestamp, signature, canonical, keyId },
        body,
      };
    }
  }
  return undefined;
}

/** @throws AppError INVALID_SIGNATURE when the signature covers none of the candidates */
export function requireSigned(signer: Signer, presented: Presented, candidates: Candidate[]): Verified {
  const verified = findSigned(signer, presented, candidates);
  if (verified === undefined) throw badSignature('signature_mismatch');
  return verified;
}

function isGood(key: SignerKey, canonical: string, { signature, signatureBytes }: Presented): boolean {
  if (canonical.length > REMEMBERED_CHARS) return verifySignature(key, canonical, signatureBytes);
  const known = `${key.fingerprint} ${signature} ${canonical}`;
  if (good.has(known)) return true;
  if (!verifySignature(key, canonical, signatureBytes)) return false;
  good.set(known, true);
  return true;
}
