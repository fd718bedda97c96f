/** Whether a push says, under its agent's signature, which refs it moves; and whether the repository asks for that. */
import { type CertificateProblem, checkCertificate, type VerifiedCertificate } from '../certificates/index.js';
import type { AppContext } from '../context.js';
import type { PushCertificate } from '../git/index.js';
import type { Repository } from '../repos/index.js';
import type { PushCredential, Refusal } from './report.js';

/** What proves the ref updates of a push. */
export interface Certification {
  /** True when a signature of the agent covers the ref updates. */
  proven: boolean;
  /** Set when that signature is a certificate, which is kept. */
  certificate: VerifiedCertificate | undefined;
}

/** Says what to do, since git shows it to its user. */
export const UNSIGNED: Refusal = {
  reason:
    'this repository takes signed pushes only: use git push --signed (gitclaw setup URL --sign-pushes makes git do it)',
  code: 'ACCESS_DENIED',
};

export const SPENT: Refusal = {
  reason: 'push certificate refused: it has served a push already, or its key was revoked meanwhile; push again',
  code: 'ACCESS_DENIED',
};

/**
 * @param signedUpdates whether the credential itself covers the ref updates, as that of a JSON push does
 * @returns a refusal of the whole push when its certificate is wrong or the repository asks for one
 */
export async function certify(
  ctx: AppContext,
  repo: Repository,
  { principal }: PushCredential,
  push: { certificate?: PushCertificate; pushOptions?: readonly string[]; signedUpdates: boolean },
): Promise<Certification | { refusal: Refusal }> {
  const { certificate, signedUpdates } = push;
  if (certificate === undefined) {
    if (!signedUpdates && repo.pushCertPolicy === 'required') return { refusal: UNSIGNED };
    return { proven: signedUpdates, certificate: undefined };
  }
  const checked = await checkCertificate(ctx, repo, principal.agentId, certificate, push.pushOptions ?? []);
  if (isProblem(checked)) return { refusal: { reason: checked.reason, code: 'ACCESS_DENIED' } };
  return { proven: true, certificate: checked };
}

function isProblem(checked: VerifiedCertificate | CertificateProblem): checked is CertificateProblem {
  return 'reason' in checked;
}
