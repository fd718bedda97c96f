/** Auth room: the only reader of Authorization and X-Agent-* headers, and of envelopes in bodies and queries. */
export { type ActiveKeys, activeKeys } from './active-keys.js';
export { authenticate } from './authenticate.js';
export { authenticateGit } from './authenticate-git.js';
export { authenticatePush, type SignedPush } from './authenticate-push.js';
export { readBearer } from './authorization.js';
export { gitChallenges } from './challenges.js';
export { isOwnAudience, namesRepo } from './git-target.js';
export { type GitWrite, rememberWrite, storedWrite } from './git-write.js';
export { optionalPrincipal, READ_ACTIONS } from './optional-principal.js';
export { type OnceResult, runOnce } from './run-once.js';
export {
  isPushNonce,
  isServerNonce,
  issuePushNonce,
  issueServerNonce,
  SERVER_NONCE_MAX_AGE_SECS,
} from './server-nonce.js';
export { loadServerSecret } from './server-secret.js';
export type {
  ActionRule,
  GitCredential,
  GitProof,
  GitService,
  GitTarget,
  Principal,
  Proof,
  PushBody,
  RawRequest,
  RepoNames,
  SignedCall,
} from './types.js';
export { FUTURE_TOLERANCE_SECS } from './window.js';
