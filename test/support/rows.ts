/** Rows for tests of tables, without a server. */
import { randomUUID } from 'node:crypto';
import { agents, type Database, repositories } from '../../src/db/index.js';

export async function addOwner(db: Database): Promise<void> {
  await db.orm.insert(agents).values({ agentId: 'alice', agentName: 'alice', publicKey: 'k' });
}

/** An empty repository of {@link addOwner}'s agent. @returns its id */
export async function addRepository(db: Database): Promise<string> {
  const repoId = randomUUID();
  await db.orm.insert(repositories).values({ repoId, ownerId: 'alice', name: repoId });
  return repoId;
}
