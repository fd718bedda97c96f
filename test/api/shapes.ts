/** What the public SDKs put into the signed body, per route (table 1.5 of the wire contract). */
import type { JsonObject } from '../../src/signing/index.js';

export interface Shape {
  /** Who sends this. */
  by: string;
  action: string;
  /** The whole signed body. */
  body: JsonObject;
  /** Another spelling of the address, when this sender has one. */
  path?: (path: string) => string;
}

/** What a shape is made from: ids of the path and the fields of a good call, nulls and defaults filled in. */
interface Parts {
  action: string;
  ids: Record<string, string>;
  fields: JsonObject;
}

const collaborators = (path: string) => path.replace('/access', '/collaborators');
const withoutNulls = (fields: JsonObject): JsonObject =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null));

/** The TypeScript and the synchronous Python SDK, and whoever follows them for newer routes: everything is bound. */
const full = ({ action, ids, fields }: Parts): Shape => ({ by: 'TS, PY', action, body: { ...ids, ...fields } });
const rust = (parts: Parts): Shape => ({ ...full(parts), by: 'RS' });
/** The asynchronous Python SDK leaves ids of the path and nulls out. */
const lean = ({ action, fields }: Parts): Shape => ({ by: 'PYA', action, body: withoutNulls(fields) });
const all = (parts: Parts) => [full(parts), rust(parts), lean(parts)];

/** Routes on which an SDK differs from the rule above, or which no SDK calls. */
export const SHAPES: Record<string, (parts: Parts) => Shape[]> = {
  createRepo: all,
  listRepos: all,
  grantAccess: (parts) => [
    full(parts),
    {
      by: 'RS',
      action: parts.action,
      body: { ...parts.ids, agentId: parts.fields.targetAgentId ?? null, role: parts.fields.role ?? null },
      path: collaborators,
    },
    lean(parts),
  ],
  revokeAccess: (parts) => [
    full(parts),
    {
      by: 'RS',
      action: parts.action,
      body: { repoId: parts.ids.repoId ?? null, agentId: parts.ids.targetAgentId ?? null },
      path: collaborators,
    },
    { by: 'PYA', action: parts.action, body: {} },
  ],
  listAccess: (parts) => [full(parts), lean(parts)],
  createPull: all,
  createReview: (parts) => [
    full(parts),
    { ...rust(parts), action: 'review_create' },
    { ...lean(parts), action: 'review_create' },
  ],
  mergePull: all,
  closePull: (parts) => [full(parts)],
  triggerCi: (parts) => [full(parts), lean(parts)],
  cancelCi: (parts) => [full(parts)],
  starRepo: (parts) => [
    { ...full(parts), path: (path) => path.replace(/star$/, ':star') },
    { ...rust(parts), path: (path) => path.replace(/star$/, ':star') },
    { by: 'PYA', action: parts.action, body: {}, path: (path) => path.replace(/stars\/star$/, 'stars:star') },
    {
      by: 'PYA with a reason',
      action: parts.action,
      body: { reason: 'Good.', reasonPublic: true },
      path: (path) => path.replace(/stars\/star$/, 'stars%3Astar'),
    },
  ],
  unstarRepo: (parts) => [
    { ...full(parts), path: (path) => path.replace(/unstar$/, ':unstar') },
    { ...rust(parts), path: (path) => path.replace(/unstar$/, '%3aunstar') },
    { by: 'PYA', action: parts.action, body: {}, path: (path) => path.replace(/stars\/unstar$/, 'stars:unstar') },
  ],
  addKey: (parts) => [full(parts)],
  revokeKey: (parts) => [full(parts)],
  updateRepo: (parts) => [full(parts)],
  deleteRepo: (parts) => [full(parts)],
  forkRepo: (parts) => [full(parts)],
  listProtections: (parts) => [full(parts)],
  getProtection: (parts) => [full(parts)],
  setProtection: (parts) => [full(parts)],
  deleteProtection: (parts) => [full(parts)],
  cloneRepo: all,
  fetchPack: (parts) => [full(parts)],
  pushPack: (parts) => [full(parts), lean(parts), { ...lean(parts), by: 'the helper of the SDKs', action: 'git_push' }],
  createWebhook: (parts) => [full(parts)],
  listWebhooks: (parts) => [full(parts)],
  getWebhook: (parts) => [full(parts)],
  updateWebhook: (parts) => [full(parts)],
  deleteWebhook: (parts) => [full(parts)],
  listDeliveries: (parts) => [full(parts)],
  redeliver: (parts) => [full(parts)],
};
