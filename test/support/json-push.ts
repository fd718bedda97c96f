/** Pushes as JSON, of packs that the real git makes. */
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AppContext } from '../../src/context.js';
import type { JsonObject } from '../../src/signing/index.js';
import { GitSandbox } from './git.js';
import { startGitApp } from './git-app.js';
import { type Answer, newAgent, newRepository, send, sign, type TestAgent, type TestApp } from './http.js';

export const ZERO = '0'.repeat(40);
export const MAIN = 'refs/heads/main';
/** A pack without objects. */
export const EMPTY_PACK: Buffer = Buffer.from(
  '5041434b0000000200000000029d08823bd8a8eab510ad6ac75c823cfd3ed31e',
  'hex',
);

export interface Update {
  refName: string;
  oldOid: string;
  newOid: string;
  force?: boolean;
}

export interface PushOptions {
  agent?: TestAgent;
  action?: string;
  /** In front of the signed hash. */
  prefix?: '' | 'sha256:';
  /** Whether the signed body names the repository. */
  withRepo?: boolean;
  nonce?: string;
  timestamp?: string;
  /** Prefix of the git address; default by id. */
  path?: string;
  form?: 'flat' | 'headers' | 'nested';
  /** The hash that is signed; default: the right one. */
  hash?: string;
  encode?: (body: object) => { body: Buffer | object; headers?: Record<string, string> };
  /** Another node. */
  url?: string;
}

interface AuditRow {
  event_id: string;
  agent_id: string;
  data: Record<string, unknown>;
  envelope: string;
}

/** An app, an agent, and for each test a new repository with a work tree of its own. */
export class JsonPusher {
  readonly sandbox = new GitSandbox();
  readonly app: TestApp;
  readonly owner: TestAgent;
  repo: { repoId: string; name: string; cloneUrl: string } = { repoId: '', name: '', cloneUrl: '' };
  work = '';
  #count = 0;

  private constructor(app: TestApp, owner: TestAgent) {
    this.app = app;
    this.owner = owner;
  }

  static async start(env: Record<string, string> = {}, parts: Partial<AppContext> = {}): Promise<JsonPusher> {
    const app = await startGitApp(parts, env);
    return new JsonPusher(app, await newAgent(app));
  }

  async stop(): Promise<void> {
    await this.app.close();
    this.sandbox.dispose();
  }

  async newRepository(visibility = 'public'): Promise<void> {
    this.repo = await newRepository(this.app, this.owner, { visibility });
    this.#count += 1;
    this.work = this.sandbox.path(`work-${this.#count}`);
    await this.sandbox.git(['init', '-q', this.work]);
  }

  async git(...args: string[]): Promise<string> {
    return (await this.sandbox.git(args, { cwd: this.work })).stdout.trim();
  }

  async commit(text: string, ...options: string[]): Promise<string> {
    writeFileSync(join(this.work, 'file.txt'), text);
    await this.git('add', '-A');
    await this.git('commit', '-q', '-m', text.slice(0, 20), ...options);
    return this.git('rev-parse', 'HEAD');
  }

  /** A pack of what `revisions` name, thin where they exclude something. */
  async packOf(...revisions: string[]): Promise<Buffer> {
    const args = ['pack-objects', '--stdout', '--revs', '--thin', '--delta-base-offset', '-q'];
    return (await this.sandbox.git(args, { cwd: this.work, input: `${revisions.join('\n')}\n` })).bytes;
  }

  /** Clones with plain git and lets it check everything. */
  async clone(...options: string[]): Promise<string> {
    this.#count += 1;
    const dir = this.sandbox.path(`copy-${this.#count}`);
    await this.sandbox.git(['clone', '-q', ...options, this.repo.cloneUrl, dir]);
    await this.sandbox.git(['fsck', '--strict', '--full'], { cwd: dir });
    return dir;
  }

  async refs(): Promise<Map<string, string>> {
    const { stdout } = await this.sandbox.git(['ls-remote', this.repo.cloneUrl]);
    const lines = stdout.split('\n').filter(Boolean);
    return new Map(lines.map((line) => line.split('\t').reverse() as [string, string]));
  }

  push(pack: Buffer | null, updates: Update[], options: PushOptions = {}): Promise<Answer> {
    const { agent = this.owner, action = 'push', prefix = '', withRepo = false, form = 'flat' } = options;
    const { repoId } = this.repo;
    const hash =
      options.hash ??
      createHash('sha256')
        .update(pack ?? '')
        .digest('hex');
    const refUpdates = updates.map(({ refName, oldOid, newOid, force = false }) => ({
      refName,
      oldOid,
      newOid,
      force,
    }));
    const body: JsonObject = { packfileHash: `${prefix}${hash}`, refUpdates, ...(withRepo && { repoId }) };
    const packfile = pack === null ? null : pack.toString('base64');
    const fields = { packfile, refUpdates: updates as unknown as JsonObject[] };
    const { nonce, timestamp, path = `/v1/repos/${repoId}`, url = this.app.url } = options;
    const sent = sign(agent, { action, body, fields, form, ...(nonce && { nonce }), ...(timestamp && { timestamp }) });
    const whole = form === 'nested' ? { packfile, ...(sent.body as object) } : (sent.body as object);
    const encoded = options.encode?.(whole) ?? { body: whole };
    const headers = { ...sent.headers, ...encoded.headers };
    return send(url, `${path}/git-receive-pack`, { method: 'POST', headers, body: encoded.body });
  }

  /** Audit rows of the repository, oldest first. */
  async audit(action: string): Promise<AuditRow[]> {
    return this.app.ctx.db.sql<AuditRow[]>`
      SELECT event_id, agent_id, data, envelope FROM audit_log WHERE resource_id = ${this.repo.repoId} AND action = ${action} ORDER BY seq`;
  }
}

export function code(answer: Answer): [number, string | undefined] {
  return [answer.status, answer.json?.error?.code];
}
