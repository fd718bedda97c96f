/** Checks the signature of an agent under an exported event. */
import { decodeSignature, type PublicKey, parsePublicKey, verifySignatureInPool } from '../../signing/index.js';
import type { LineOf } from './format.js';
import type { ExportProblem } from './problem.js';

/**
 * The time of an event is the start of its transaction, and so is that of a revocation: of two that run at once, the later
 * one may commit first. Longer than any transaction here takes.
 */
export const CLOCK_SLACK_MS = 60_000;

export interface ExportedKey {
  agentId: string;
  /** Undefined when the text is no usable key. */
  key: PublicKey | undefined;
  from: number;
  until: number;
}

export function exportedKey({ agentId, publicKey, createdAt, revokedAt }: LineOf<'key'>): ExportedKey {
  return {
    agentId,
    key: readKey(publicKey),
    from: Date.parse(createdAt) - CLOCK_SLACK_MS,
    until: revokedAt === null ? Number.POSITIVE_INFINITY : Date.parse(revokedAt) + CLOCK_SLACK_MS,
  };
}

/** Why an agent could not sign with a key at a time (milliseconds since 1970); undefined when it could. */
export function keyProblem(known: ExportedKey | undefined, agentId: string, at: number): ExportProblem | undefined {
  if (known?.key === undefined) return 'key_missing';
  if (known.agentId !== agentId) return 'key_foreign';
  return at < known.from || at > known.until ? 'key_not_valid' : undefined;
}

/** The first thing that is wrong with the proof of an event, undefined when it is good. */
export async function checkProof(
  event: Pick<LineOf<'event'>, 'agentId' | 'timestamp' | 'signature'> & { envelope: string },
  known: ExportedKey | undefined,
): Promise<ExportProblem | undefined> {
  const unusable = keyProblem(known, event.agentId, Date.parse(event.timestamp));
  if (unusable !== undefined) return unusable;
  const signature = decodeSignature(event.signature);
  if (signature === undefined || speaker(event.envelope) !== event.agentId) return 'signature_wrong';
  return (await verifySignatureInPool(known!.key!, event.envelope, signature)) ? undefined : 'signature_wrong';
}

/** The agent that an envelope speaks for. */
function speaker(envelope: string): unknown {
  try {
    return (JSON.parse(envelope) as { agentId?: unknown }).agentId;
  } catch {
    return undefined;
  }
}

function readKey(text: string): PublicKey | undefined {
  try {
    return parsePublicKey(text);
  } catch {
    return undefined;
  }
}
