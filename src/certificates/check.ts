/**
 * Verification of push certificates: who signed, what for, and when.
 *
 * A certificate says which refs its agent moved from where to where. The commit ids in it fix everything reachable from
 * them, so it proves the content of a push, where a token proves only who was there.
 */
import { createHash } from 'node:crypto';
import {
  activeKeys,
  isOwnAudience,
  isPushNonce,
  loadServerSecret,
  namesRepo,
  SERVER_NONCE_MAX_AGE_SECS,
} from '../auth/index.js';
import type { AppContext } from '../context.js';
import type { PushCertificate } from '../git/index.js';
import type { Repository } from '../repos/index.js';
import { parseSshSignature, SshFormatError, verifySshSignature } from '../signing/index.js';

/** The namespace of everything that git signs (git: gpg-interface.c). */
const NAMESPACE = 'git';
const MAX_QUOTE = 100;

/** A certificate that holds, to be kept with its push. */
export interface VerifiedCertificate {
  text: string;
  /** Lowercase hex SHA-256 of the text. */
  hash: string;
  /** The agent's key that signed. */
  keyId: string;
  nonce: string;
}

/** What is wrong with a certificate and what to do about it, in one line for git's user. */
export interface CertificateProblem {
  reason: string;
}

/**
 * Judges the certificate of a push. That its ref updates are those of the push is so by construction: a signed push has no
 * other list.
 * @param pushOptions as they came behind the certificate
 */
export async function checkCertificate(
  ctx: AppContext,
  repo: Repository,
  agentId: string,
  certificate: PushCertificate,
  pushOptions: readonly string[],
): Promise<VerifiedCertificate | CertificateProblem> {
  const { keys, nowMs } = await activeKeys(ctx.db, agentId);
  const { nonce } = certificate;
  if (nonce === undefined || !isPushNonce(await loadServerSecret(ctx.db), repo.repoId, nonce, nowMs)) {
    return problem(
      `its nonce is not one this server gave for this repository in the last ${SERVER_NONCE_MAX_AGE_SECS} seconds; push again`,
    );
  }
  const misdirected = checkPushee(ctx, repo, certificate.pushee);
  if (misdirected !== undefined) return problem(misdirected);
  if (certificate.pushOptions.join('\n') !== pushOptions.join('\n')) {
    return problem('inconsistent push options: those signed are not those sent');
  }
  const signer = findSigner(certificate, keys);
  if ('reason' in signer) return signer;
  const hash = createHash('sha256').update(certificate.text).digest('hex');
  return { text: certificate.text, hash, keyId: signer.keyId, nonce };
}

type Keys = Awaited<ReturnType<typeof activeKeys>>['keys'];

function findSigner({ signature, signed }: PushCertificate, keys: Keys): Keys[number] | CertificateProblem {
  if (signature === '') return problem('it is not signed');
  try {
    const parsed = parseSshSignature(signature);
    const key = keys.find(({ fingerprint }) => fingerprint === parsed.publicKey.fingerprint);
    if (key === undefined) {
      return problem(
        'it is signed with a key that is not registered for this agent or was revoked; set user.signingkey to the key of the agent (gitclaw setup URL --sign-pushes does)',
      );
    }
    return verifySshSignature(parsed, signed, NAMESPACE) ? key : problem('its signature does not fit its text');
  } catch (error) {
    if (!(error instanceof SshFormatError)) throw error;
    return problem(
      `${error.message}; sign with the Ed25519 or P-256 key of the agent: git config gpg.format ssh, and user.signingkey`,
    );
  }
}

/** The URL pushed to must be of this server and repository, or a server in the middle could pass the push on. */
function checkPushee(ctx: AppContext, repo: Repository, pushee: string | undefined): string | undefined {
  if (pushee === undefined) return 'it does not say where the push goes (pushee)';
  const url = URL.canParse(pushee) ? new URL(pushee) : undefined;
  if (url === undefined || !isOwnAudience(url.host, ctx.config)) {
    return `it is for the server of ${quoted(pushee)}; add its host to ALLOWED_HOSTS if this is it, or push to the address in the clone URL`;
  }
  const { repoId, ownerName, ownerId, name } = repo;
  return repositoryPaths(ctx, url).some((path) => namesRepo(path, { repoId, ownerName, ownerId, name }))
    ? undefined
    : `it is for ${quoted(pushee)}, not for ${ownerName}/${name}`;
}

/** What may name the repository in a URL: its path, without the prefixes that the server answers under. */
function repositoryPaths({ config }: AppContext, url: URL): string[] {
  const prefix = config.PUBLIC_URL === undefined ? '' : new URL(config.PUBLIC_URL).pathname.replace(/\/$/, '');
  const path = url.pathname.replace(/\/+$/, '');
  const below = [path, ...(path.startsWith(`${prefix}/`) ? [path.slice(prefix.length)] : [])];
  return below.flatMap((each) => [each, each.replace(/^\/v1\/repos\//, '').replace(/\/clone$/, '')].map(decoded));
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

function quoted(text: string): string {
  return `'${text.slice(0, MAX_QUOTE)}'`;
}

function problem(what: string): CertificateProblem {
  return { reason: `push certificate refused: ${what}` };
}
