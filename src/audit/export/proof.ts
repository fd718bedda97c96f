/** Checks the signature of an agent under an exported event. */
import { decodeSignature, type PublicKey, parsePublicKey, verifySignatureInPool } from '../../signing/index.js';
import type { LineOf } from './format.js';
import type { ExportProblem } from './problem.js';

/**
 * The time of an event is the start of its transaction, and so is that of a revocation: of two that run at once, the later
 * one may commit first. Longer than any transaction here takes.
 */
const CLOCK_SLACK_MS = 60_000;

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

/** Push certificates (git-push --signed) begin so; they are signed as git signs, not as envelopes are. */
export function isCertificate(envelope: string): boolean {
  return envelope.startsWith('certificate version ');
}

/** The first thing that is wrong with the proof of an event, undefined when it is good. */
export async function checkProof(
  event: Pick<LineOf<'event'>, 'agentId' | 'timestamp' | 'signature'> & { envelope: string },
  known: ExportedKey | undefined,
): Promise<ExportProblem | undefined> {
  if (known?.key === undefined) return 'key_missing';
  if (known.agentId !== event.agentId) return 'key_foreign';
  const at = Date.parse(event.timestamp);
  if (at < known.from || at > known.until) return 'key_not_valid';
  const signature = decodeSignature(event.signature);
  if (signature === undefined || speaker(event.envelope) !== event.agentId) return 'signature_wrong';
  return (await verifySignatureInPool(known.key, event.envelope, signature)) ? undefined : 'signature_wrong';
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
