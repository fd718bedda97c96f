/**
 * Checks a push certificate (git-push --signed) against the event of its push. The event holds the hash of the certificate,
 * so the chain fixes its text; what the text says is checked here.
 *
 * That the server made the nonce cannot be checked: only the server has the secret of its HMAC. Its form, its time and
 * that it served one push can.
 */
import { createHash } from 'node:crypto';
import { ZERO_OID } from '../../git/oid.js';
import { type PushCertificate, parseCertificate, type RefCommand } from '../../git/receive-pack/index.js';
import { parseSshSignature, verifySshSignature } from '../../signing/index.js';
import type { LineOf } from './format.js';
import type { ExportProblem } from './problem.js';
import { CLOCK_SLACK_MS, type ExportedKey, keyProblem } from './proof.js';

/** The namespace of everything that git signs (git: gpg-interface.c). */
const NAMESPACE = 'git';
/** Random bits, seconds since 1970, HMAC-SHA256. */
const NONCE = /^[0-9a-f]{16}-(\d{1,12})-[0-9a-f]{64}$/;
/** A nonce is asked for when a push begins, and the event is written when its pack has come and is stored. */
const LONGEST_PUSH_MS = 24 * 3_600_000;

/** What an event says of the certificate of its push; undefined when its push brought none. */
export function certificateOf({ action, data }: Pick<LineOf<'event'>, 'action' | 'data'>): string | undefined {
  return action === 'push' && typeof data.certificate_hash === 'string' ? data.certificate_hash : undefined;
}

/** The first thing that is wrong with a certificate, undefined when it proves what the event says. */
export function checkCertificate(
  kept: LineOf<'certificate'>,
  event: Pick<LineOf<'event'>, 'agentId' | 'action' | 'data' | 'timestamp' | 'chainId'>,
  known: ExportedKey | undefined,
): ExportProblem | undefined {
  if (createHash('sha256').update(kept.certificate, 'utf8').digest('hex') !== certificateOf(event))
    return 'certificate_changed';
  if (kept.agentId !== event.agentId || kept.repoId !== event.chainId) return 'certificate_changed';
  const at = Date.parse(event.timestamp);
  const unusable = keyProblem(known, event.agentId, at);
  if (unusable !== undefined) return unusable;
  const certificate = parse(kept.certificate);
  if (certificate === undefined || !isSignedBy(certificate, known!)) return 'certificate_signature_wrong';
  if (certificate.nonce !== kept.nonce || !isTimely(kept.nonce, at)) return 'certificate_nonce_wrong';
  return saysTheSame(certificate, event.data) ? undefined : 'certificate_differs';
}

function parse(text: string): PushCertificate | undefined {
  try {
    return parseCertificate(Buffer.from(text, 'utf8'));
  } catch {
    return undefined;
  }
}

function isSignedBy({ signature, signed }: PushCertificate, { key }: ExportedKey): boolean {
  try {
    const parsed = parseSshSignature(signature);
    return parsed.publicKey.fingerprint === key?.fingerprint && verifySshSignature(parsed, signed, NAMESPACE);
  } catch {
    return false;
  }
}

function isTimely(nonce: string, at: number): boolean {
  const issued = Number(NONCE.exec(nonce)?.[1] ?? Number.NaN) * 1000;
  return issued <= at + CLOCK_SLACK_MS && issued >= at - LONGEST_PUSH_MS;
}

/** Updates that the server refused stand in the certificate and not in the event; the other way round must not be. */
function saysTheSame({ commands, pushOptions }: PushCertificate, data: Record<string, unknown>): boolean {
  if (JSON.stringify(data.push_options ?? []) !== JSON.stringify(pushOptions)) return false;
  const updates = data.ref_updates;
  if (!Array.isArray(updates) || updates.length === 0) return false;
  const asked = new Map(commands.map((command) => [command.refName, command]));
  const proposed = new Set(commands.filter(isProposal).map(({ newOid }) => newOid));
  return (updates as Partial<RefCommand>[]).every(({ refName = '', oldOid, newOid = '' }) => {
    const command = asked.get(refName);
    if (command !== undefined) return command.oldOid === oldOid && command.newOid === newOid;
    return refName.startsWith('refs/heads/for/') && proposed.has(newOid);
  });
}

/** A push to `refs/for/<branch>` asks for a pull request; what it moves is a branch `for/...` of its agent. */
function isProposal({ refName, oldOid }: RefCommand): boolean {
  return refName.startsWith('refs/for/') && oldOid === ZERO_OID;
}
