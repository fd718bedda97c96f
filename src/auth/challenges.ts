/** What a 401 on a git path says (RFC 9110 section 11.6.1). */
import type { AppContext } from '../context.js';
import { repoSpellings } from './git-target.js';
import { issueServerNonce } from './server-nonce.js';
import { loadedServerSecret } from './server-secret.js';
import type { GitTarget } from './types.js';

/**
 * Values for `WWW-Authenticate`, one header line each, in this order: newer git hands the first to its credential helper,
 * older git understands the second only.
 *
 * The nonce is there once `authenticateGit` has run in this process.
 */
export function gitChallenges(ctx: AppContext, target: Omit<GitTarget, 'isReceivePost'>): string[] {
  const spellings = repoSpellings(target);
  const repo = spellings.find((each) => each.includes('/')) ?? spellings[0] ?? '';
  const secret = loadedServerSecret(ctx.db);
  const parameters = [
    'realm="GitClaw"',
    ...(/^[\x21\x23-\x5b\x5d-\x7e]+$/.test(repo) ? [`repo="${repo}"`] : []),
    `service="${target.service}"`,
    ...(secret === undefined ? [] : [`nonce="${issueServerNonce(secret, repo, ctx.clock.now().getTime())}"`]),
  ];
  return [`GitClaw ${parameters.join(', ')}`, 'Basic realm="GitClaw"'];
}
