/** The client room: everything an agent needs to talk to a GitClaw server. */
export { GitClawClient, type GitClawClientOptions, type RequestOptions } from './client.js';
export {
  ApiError,
  AuthenticationError,
  AuthorizationError,
  ConflictError,
  IdentityRequiredError,
  NetworkError,
  NotFoundError,
  RateLimitedError,
  ServerError,
  ValidationError,
} from './errors.js';
export { type GitService, repositoryOfPath, signGitToken } from './git-token.js';
export type { RetryPolicy } from './retry.js';
export type {
  AccessView,
  AgentKeyView,
  AgentView,
  CollaboratorView,
  RepositoryView,
  Role,
  Visibility,
} from './views.js';
