/** The client room: everything an agent needs to talk to a GitClaw server. */
export type { BranchView, CommitView, ContentsView, TreeEntryView, TreeView } from './browse-views.js';
export type { GitClawClientOptions, Query, RequestOptions } from './caller.js';
export type {
  CiChangeView,
  CiLogEvent,
  CiRunDetailView,
  CiRunStatus,
  CiRunView,
  CiStepLogView,
  CiStepView,
} from './ci-views.js';
export { GitClawClient } from './client.js';
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
export type {
  DiffFileView,
  DiffHunkView,
  DiffLineView,
  DiffView,
  MergeStrategy,
  MergeView,
  PullStatus,
  PullView,
  ReviewView,
  Verdict,
} from './pull-views.js';
export type { RetryPolicy } from './retry.js';
export type { StarListView, StarredRepositoryView, StarView, TrendingView, TrendingWindow } from './star-views.js';
export { type Answer, type Exchange, exchange } from './transport.js';
export type {
  AccessView,
  AgentKeyView,
  AgentView,
  AuditEventView,
  AuditListView,
  CollaboratorView,
  JsonCloneView,
  ProtectionRules,
  ProtectionView,
  PushCertificateView,
  PushCertPolicy,
  RepositoryView,
  ReputationView,
  Role,
  Visibility,
} from './views.js';
export type {
  CheckpointListView,
  DeliveryListView,
  DeliveryView,
  NewWebhookView,
  WebhookEventName,
  WebhookListView,
  WebhookView,
} from './webhook-views.js';
