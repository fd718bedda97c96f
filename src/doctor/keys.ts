import { createPrivateKey } from 'node:crypto';
import type { Database } from '../db/index.js';
import { type Finding, fail, ok } from './contract.js';

/** Secrets that all nodes share, how each must look, and what is lost without it. */
const SECRETS: Record<string, { subject: string; isGood(value: string): boolean; use: string }> = {
  audit_key: {
    subject: 'checkpoint key',
    isGood: (value) => createPrivateKey(value).asymmetricKeyType === 'ed25519',
    use: 'checkpoints and exports of the audit log are signed with it',
  },
  git_nonce: {
    subject: 'nonce secret',
    isGood: (value) => /^[0-9a-f]{64}$/.test(value),
    use: 'challenges and nonces of push certificates are made with it',
  },
};

/** Makes no secret: whichever node needs one first does. */
export async function examineKeys(db: Database): Promise<Finding[]> {
  const rows = await db.sql<{ name: string; value: string }[]>`SELECT name, value FROM server_secrets`;
  const kept = new Map(rows.map(({ name, value }) => [name, value]));
  return Object.entries(SECRETS).map(([name, { subject, isGood, use }]) => {
    const value = kept.get(name);
    if (value === undefined) return ok(subject, 'made when it is first needed');
    const good = (() => {
      try {
        return isGood(value);
      } catch {
        return false;
      }
    })();
    if (good) return ok(subject, 'in the database');
    return fail(subject, `the row ${name} of server_secrets is damaged`, `restore it from a backup: ${use}`);
  });
}
