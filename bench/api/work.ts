/** What is measured: each kind of request for both servers, made the same way. */
import { createPrivateKey, randomUUID } from 'node:crypto';
import { nonceHash, signEnvelope } from '../../src/signing/index.js';
import type { Environment } from './environment.js';
import type { Shot } from './load.js';

export interface Work {
  name: string;
  /** What ours/floor should reach. */
  goal: number;
  prepare(environment: Environment): { ours: () => Shot; floor: () => Shot };
}

const JSON_TYPE = { 'content-type': 'application/json' };

/** One of a list after the other. */
function inTurn<T>(items: readonly T[]): () => T {
  let at = 0;
  return () => {
    at = (at + 1) % items.length;
    return items[at] as T;
  };
}

const unsignedRead = (name: string, path: (id: string) => string, ids: (of: Environment) => string[]): Work => ({
  name,
  goal: 0.6,
  prepare(environment) {
    const id = inTurn(ids(environment));
    const shot = () => ({ method: 'GET', path: path(id()), headers: JSON_TYPE });
    return { ours: shot, floor: shot };
  },
});

/** Stars and unstars in turns: pairs of agent and repository come round far later than a request takes. */
const stars: Work = {
  name: 'signed stars and unstars',
  goal: 0.5,
  prepare({ agents, repoIds }) {
    const pairs = agents.flatMap(({ agentId, privateKeyPem }) => {
      const privateKey = createPrivateKey(privateKeyPem);
      return repoIds.map((repoId) => ({ agentId, privateKey, repoId, starred: false }));
    });
    const pair = inTurn(pairs);
    const shot = (): Shot => {
      const next = pair();
      const { agentId, privateKey, repoId } = next;
      const action = next.starred ? 'unstar' : 'star';
      next.starred = !next.starred;
      const nonce = randomUUID();
      const body = action === 'star' ? { repoId, reason: null, reasonPublic: false } : { repoId };
      const envelope = { agentId, action, timestamp: `${new Date().toISOString().slice(0, 19)}Z`, nonce, body };
      const { signature } = signEnvelope(envelope, privateKey);
      const sent = { ...envelope, signature, nonceHash: nonceHash(agentId, nonce) };
      const path = `/v1/repos/${repoId}/stars/:${action}`;
      return { method: 'POST', path, headers: JSON_TYPE, body: JSON.stringify(sent) };
    };
    return { ours: shot, floor: shot };
  },
};

export const WORK: readonly Work[] = [
  unsignedRead(
    'GET /v1/repos/{repoId}',
    (id) => `/v1/repos/${id}`,
    ({ repoIds }) => repoIds,
  ),
  unsignedRead(
    'GET /v1/agents/{agentId}',
    (id) => `/v1/agents/${id}`,
    ({ agents }) => agents.map(({ agentId }) => agentId),
  ),
  stars,
];
