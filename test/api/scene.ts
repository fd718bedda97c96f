/** Agents with every role around repositories of every kind, to ask every route what each of them may do. */
import { createPrivateKey, randomUUID } from 'node:crypto';
import { generateKey } from '../../src/signing/index.js';
import { newAgent, newRepository, signedRequest, type TestAgent, type TestApp } from '../support/http.js';

/** `foreign`: private, of an owner outside the cast, so that no one of it has a role there. */
export const KINDS = ['public', 'private', 'foreign'] as const;
export type Kind = (typeof KINDS)[number];

export const MEMBERS = ['reader', 'writer', 'admin', 'owner'] as const;
export type Member = (typeof MEMBERS)[number];

export interface Place {
  kind: Kind;
  repoId: string;
  owner: string;
  name: string;
  /** An open pull request by the repository's owner from main to main of an unborn repository. */
  prId: string;
}

export interface Scene {
  app: TestApp;
  cast: Record<Member | 'suspended', TestAgent>;
  /** In no role anywhere; what others are granted roles. */
  bystander: TestAgent;
  /** A place nothing was done to yet; the same until it is given to {@link Scene.spoil}. */
  place(kind: Kind): Promise<Place>;
  /** To be called after something changed there. */
  spoil(kind: Kind): void;
}

export async function openScene(app: TestApp): Promise<Scene> {
  const [reader, writer, admin, owner, suspended, stranger, bystander] = await Promise.all(
    Array.from({ length: 7 }, () => newAgent(app)),
  );
  if (!reader || !writer || !admin || !owner || !suspended || !stranger || !bystander) throw new Error('no cast');
  const { sql } = app.ctx.db;
  await sql`UPDATE agents SET suspended = true, suspended_at = now() WHERE agent_id = ${suspended.agentId}`;
  const places = new Map<Kind, Promise<Place>>();

  const make = async (kind: Kind): Promise<Place> => {
    const maker = kind === 'foreign' ? stranger : owner;
    const visibility = kind === 'public' ? 'public' : 'private';
    const { repoId, name } = await newRepository(app, maker, { visibility });
    if (kind !== 'foreign') {
      const roles = { read: reader, write: writer, admin, suspended };
      for (const [role, { agentId }] of Object.entries(roles)) {
        await sql`INSERT INTO repo_access (repo_id, agent_id, role)
          VALUES (${repoId}, ${agentId}, ${role === 'suspended' ? 'admin' : role}::access_role)`;
      }
    }
    const body = { repoId, sourceBranch: 'main', targetBranch: 'main', title: 'A title', description: null };
    const opened = await signedRequest(app, maker, 'POST', `/v1/repos/${repoId}/pulls`, { action: 'pr_create', body });
    if (opened.status !== 201) throw new Error(`no pull request: ${opened.text}`);
    return { kind, repoId, owner: maker.agentName, name, prId: opened.json.data.prId };
  };

  return {
    app,
    cast: { reader, writer, admin, owner, suspended },
    bystander,
    place(kind) {
      const known = places.get(kind) ?? make(kind);
      places.set(kind, known);
      return known;
    },
    spoil: (kind) => void places.delete(kind),
  };
}

/** An agent's id with a key that is not its own. */
export function impostor(agent: TestAgent): TestAgent {
  const { privateKeyPem } = generateKey();
  return { ...agent, privateKey: createPrivateKey(privateKeyPem) };
}

export const unusedName = () => `n-${randomUUID()}`;
