/** One good call of every route. A route that is missing here fails the tests that go through all of them. */
import { createHash } from 'node:crypto';
import type { RouteDescription } from '../../src/routing/index.js';
import { generateKey, type JsonObject } from '../../src/signing/index.js';
import { ADMIN_ENV, PASSWORD } from '../support/admin.js';
import type { TestAgent } from '../support/http.js';
import { type Place, type Scene, unusedName } from './scene.js';

export interface Call {
  /** Parameters of the path beside those of the place. */
  params?: Record<string, string>;
  /** Fields of the action, without the ids of the path. */
  body?: JsonObject;
  query?: string;
  /** `status` or `status CODE` for those who may; default: the success of the route. */
  outcome?: string;
}

/** @param caller who asks; routes about agents are asked about the caller */
type MakeCall = (scene: Scene, place: Place, caller: TestAgent) => Call;

const UNKNOWN = '00000000-0000-4000-8000-000000000000';
const plain: MakeCall = () => ({});
const ofCaller: MakeCall = (_scene, _place, { agentId }) => ({ params: { agentId } });
const ofProtection =
  (outcome?: string): MakeCall =>
  () => ({
    params: { pattern: 'release' },
    ...(outcome === undefined ? {} : { outcome }),
  });
/** Repositories of the scene are empty. */
const unborn =
  (outcome: string, query = ''): MakeCall =>
  () => ({ outcome, query });

export const CALLS: Record<string, MakeCall> = {
  // Agents
  registerAgent: () => ({ body: { agentName: unusedName(), publicKey: generateKey().publicKey } }),
  listAgents: plain,
  getAgent: ofCaller,
  getReputation: ofCaller,
  listAgentRepos: ofCaller,
  listAgentAudit: ofCaller,
  listStarredRepos: ofCaller,
  listPullsOfAgent: ofCaller,
  listReviewsOfAgent: ofCaller,
  listKeys: ofCaller,
  addKey: (_scene, _place, { agentId }) => ({ params: { agentId }, body: { publicKey: generateKey().publicKey } }),
  revokeKey: (_scene, _place, { agentId }) => ({ params: { agentId, keyId: UNKNOWN }, outcome: '404 KEY_NOT_FOUND' }),
  // Repositories
  createRepo: () => ({ body: { name: unusedName(), description: null, visibility: 'public' } }),
  listRepos: plain,
  getRepo: plain,
  getRepoByName: plain,
  updateRepo: () => ({ body: { description: 'New.' } }),
  deleteRepo: plain,
  forkRepo: () => ({ body: { name: unusedName(), visibility: null } }),
  listRepoAudit: plain,
  getPushCertificate: () => ({ params: { eventId: UNKNOWN }, outcome: '404 NOT_FOUND' }),
  // Access
  grantAccess: ({ bystander }) => ({ body: { targetAgentId: bystander.agentId, role: 'read' } }),
  revokeAccess: ({ bystander }) => ({ params: { agentId: bystander.agentId } }),
  listAccess: plain,
  listCollaborators: plain,
  listProtections: plain,
  getProtection: ofProtection('404 NOT_FOUND'),
  setProtection: () => ({
    params: { pattern: 'release' },
    body: { noForce: true, noDelete: true, requiredApprovals: 0, requiredCi: false, requiredPushCert: false },
  }),
  deleteProtection: ofProtection('404 NOT_FOUND'),
  // Webhooks
  createWebhook: () => ({ body: { url: 'https://example.com/hook', events: ['push'], active: true } }),
  listWebhooks: plain,
  getWebhook: () => ({ outcome: '404 NOT_FOUND' }),
  updateWebhook: () => ({
    body: { url: null, events: null, active: false, rotateSecret: false },
    outcome: '404 NOT_FOUND',
  }),
  deleteWebhook: () => ({ outcome: '404 NOT_FOUND' }),
  listDeliveries: () => ({ outcome: '404 NOT_FOUND' }),
  redeliver: () => ({ outcome: '404 NOT_FOUND' }),
  // Events
  streamEvents: plain,
  streamRepoEvents: plain,
  // Browsing
  listBranches: plain,
  listCommits: plain,
  listTree: plain,
  readContents: () => ({ params: { path: 'README.md' }, outcome: '404 NOT_FOUND' }),
  // Pull requests
  createPull: () => ({ body: { sourceBranch: 'main', targetBranch: 'main', title: 'T', description: null } }),
  listPulls: plain,
  getPull: plain,
  diffPull: plain,
  mergePull: () => ({ body: { mergeStrategy: 'merge' }, outcome: '400 MERGE_BLOCKED' }),
  closePull: plain,
  createReview: () => ({ body: { verdict: 'comment', body: null } }),
  listReviews: plain,
  // CI: the branches of the scene have no commit.
  triggerCi: () => ({ body: { commitSha: null }, outcome: '404 REF_NOT_FOUND' }),
  listCiRuns: plain,
  ciRun: () => ({ outcome: '404 CI_RUN_NOT_FOUND' }),
  ciRunLogs: () => ({ outcome: '404 CI_RUN_NOT_FOUND' }),
  ciLogs: plain,
  cancelCi: () => ({ outcome: '404 CI_RUN_NOT_FOUND' }),
  // Stars
  starRepo: () => ({ body: { reason: null, reasonPublic: false } }),
  unstarRepo: () => ({ outcome: '404 NO_EXISTING_STAR' }),
  listStars: plain,
  listTrending: plain,
  // Service
  listAudit: plain,
  exportAudit: plain,
  listCheckpoints: plain,
  getAuditEvent: () => ({ params: { eventId: UNKNOWN }, outcome: '404 NOT_FOUND' }),
  health: plain,
  healthLive: plain,
  healthReady: plain,
  metrics: plain,
  openApi: plain,
  docs: plain,
  gitInfoRefs: unborn('200', '?service=git-upload-pack'),
  gitInfoRefsByPost: unborn('200', '?service=git-upload-pack'),
  gitUploadPack: unborn('200'),
  gitReceivePack: unborn('200'),
  // Git as JSON
  cloneRepo: () => ({ body: { depth: null } }),
  fetchPack: () => ({ body: { wants: [], haves: [], depth: null } }),
  pushPack: () => ({
    body: {
      packfileHash: createHash('sha256').digest('hex'),
      refUpdates: [{ refName: 'refs/heads/none', oldOid: '1'.repeat(40), newOid: '0'.repeat(40), force: false }],
    },
    outcome: '404 REF_NOT_FOUND',
  }),
  // Operators; only a login is open
  adminLogin: () => ({ body: { username: ADMIN_ENV.ADMIN_USERNAME, password: PASSWORD } }),
  adminLogout: plain,
  adminStats: plain,
  adminListAgents: plain,
  adminGetAgent: ofCaller,
  adminSuspendAgent: ofCaller,
  adminUnsuspendAgent: ofCaller,
  adminListRepos: plain,
  adminReconcile: plain,
  adminGetRepo: plain,
  adminDeleteRepo: plain,
  adminReconnectRepo: plain,
  adminDeleteOrphaned: unborn('200', '?type=db'),
  adminListAudit: plain,
  adminHealth: plain,
  adminListOutbox: plain,
  adminRetryOutbox: () => ({ outcome: '404 NOT_FOUND' }),
};

/** The call with its address. @throws Error for a route that has no call */
export function callOf(route: RouteDescription, scene: Scene, place: Place, caller: TestAgent) {
  const make = CALLS[route.operationId];
  if (make === undefined) throw new Error(`test/api/calls.ts has no call of ${route.operationId}`);
  const { params = {}, body = {}, query = '', outcome } = make(scene, place, caller);
  const { repoId, prId, owner, name } = place;
  const all: Record<string, string> = { repoId, prId, owner, name, ...params };
  const path = route.path.replace(/\{(\w+)\}/g, (_, key: string) => encodeURIComponent(all[key] ?? UNKNOWN));
  const ids = [...route.path.matchAll(/\{(\w+)\}/g)].map(([, key]): [string, string] => [
    key as string,
    all[key as string] ?? UNKNOWN,
  ]);
  return { path, query, body, ids: boundIds(ids), outcome: outcome ?? String(route.status) };
}

/** The ids of the path as a signed body spells them. */
function boundIds(ids: [string, string][]): Record<string, string> {
  const names = ids.map(([key]) => key);
  const spelled = ids.map(([key, value]) => [
    key === 'agentId' && names.includes('repoId') ? 'targetAgentId' : key,
    value,
  ]);
  return Object.fromEntries(spelled);
}
