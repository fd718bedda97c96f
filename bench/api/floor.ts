/** The floor: a bare node:http handler that runs the SQL our routes run, and checks, logs and counts nothing. */
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { appendAudit } from '../../src/audit/index.js';
import { claimNonce, storeResult } from '../../src/auth/claim-nonce.js';
import { loadSigner } from '../../src/auth/signer.js';
import { openDatabase } from '../../src/db/index.js';
import { assertStarrable } from '../../src/stars/starrable.js';
import { deleteStar, insertStar } from '../../src/stars/store.js';

const db = openDatabase({
  url: process.env.DATABASE_URL ?? '',
  maxConnections: Number(process.env.DATABASE_MAX_CONNECTIONS),
});

async function repository(id: string): Promise<unknown> {
  const [row] = await db.sql`
    SELECT r.repo_id, r.name, r.owner_id, a.agent_name, r.description, r.visibility, r.default_branch, r.refs_version,
      coalesce(c.stars, 0) AS stars, r.created_at, r.forked_from
    FROM repositories r JOIN agents a ON a.agent_id = r.owner_id LEFT JOIN repo_star_counts c ON c.repo_id = r.repo_id
    WHERE r.repo_id = ${id}`;
  return row;
}

async function agent(id: string): Promise<unknown> {
  const [row] = await db.sql`SELECT agent_id, agent_name, capabilities, created_at FROM agents WHERE agent_id = ${id}`;
  return row;
}

async function star(text: string): Promise<unknown> {
  const { agentId, action, nonce, nonceHash, signature, timestamp, body } = JSON.parse(text);
  const { repoId } = body;
  const signer = await loadSigner(db, agentId, nonceHash);
  const keyId = signer.keys[0]?.keyId ?? '';
  return db.transaction(async (tx) => {
    const proof = { agentId, action, nonce, nonceHash, timestamp, signature, canonical: text, keyId };
    await claimNonce(tx, proof, nonceHash, 24);
    await assertStarrable(tx, repoId, agentId);
    const giver = { repoId, agentId, nonce, signature };
    const starCount =
      action === 'star'
        ? await insertStar(tx, giver, { reason: null, reasonPublic: false })
        : await deleteStar(tx, giver);
    const data = { repo_id: repoId, star_count: starCount };
    const event = { agentId, signature, keyId, envelope: text, action, resourceType: 'repository', resourceId: repoId };
    await appendAudit(tx, { ...event, data, topics: ['trending'] });
    const answer = { repoId, agentId, action, starCount };
    await storeResult(tx, nonceHash, 200, answer);
    return answer;
  });
}

async function textOf(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

const server = createServer(async (incoming, outgoing) => {
  try {
    const [, , kind, id = ''] = (incoming.url ?? '').split('/');
    const data =
      incoming.method === 'POST'
        ? await star(await textOf(incoming))
        : await (kind === 'repos' ? repository(id) : agent(id));
    const text = JSON.stringify({ data });
    outgoing
      .writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) })
      .end(text);
  } catch (error) {
    outgoing.writeHead(500).end(String(error));
  }
});
server.listen(0, '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
process.once('SIGTERM', () => {
  server.close();
  server.closeAllConnections();
  void db.close();
});
