/** Two nodes on one database with an operator, and an operator's requests to them. */
import { createHash } from 'node:crypto';
import { expect } from 'vitest';
import { z } from 'zod';
import { adminApi } from '../../src/admin/index.js';
import { createMemoryStore } from '../../src/storage/index.js';
import { type Answer, type Sent, send, startTestApp, type TestApp } from './http.js';
import { createTestDatabase, type TestDatabase } from './postgres.js';

export const PASSWORD = 'correct horse battery staple';

/** Addresses of clients are taken from X-Forwarded-For, so that tests can come from many. */
export const ADMIN_ENV = {
  ADMIN_USERNAME: 'root',
  ADMIN_PASSWORD_HASH: createHash('sha256').update(PASSWORD).digest('hex'),
  TRUSTED_PROXIES: '127.0.0.1',
};

export class AdminNodes {
  readonly database: TestDatabase;
  readonly apps: readonly TestApp[];
  /** Of a session that is open. */
  token = '';
  #addresses = 0;

  private constructor(database: TestDatabase, apps: readonly TestApp[]) {
    this.database = database;
    this.apps = apps;
  }

  static async start(): Promise<AdminNodes> {
    const database = await createTestDatabase({ maxConnections: 20 });
    const parts = { db: database.db, objects: createMemoryStore() };
    const apps = [await startTestApp(parts, ADMIN_ENV), await startTestApp(parts, ADMIN_ENV)];
    const nodes = new AdminNodes(database, apps);
    nodes.token = (await nodes.login()).json.data.token;
    return nodes;
  }

  /** A client address that no other call returns. */
  address(): string {
    this.#addresses += 1;
    return `198.51.100.${this.#addresses}`;
  }

  /** Each login comes from an address of its own unless given, so that failures of one test slow down no other. */
  login(
    { username = 'root', password = PASSWORD, from = this.address() }: Record<string, string> = {},
    node = 0,
  ): Promise<Answer> {
    const headers = { 'x-forwarded-for': from };
    return send(this.apps[node]!.url, '/admin/login', { method: 'POST', body: { username, password }, headers });
  }

  /** A request to the admin API within the open session. */
  admin(method: string, path: string, { node = 0, ...sent }: Sent & { node?: number } = {}): Promise<Answer> {
    const headers = { authorization: `Bearer ${this.token}`, ...sent.headers };
    return send(this.apps[node]!.url, `/api/admin${path}`, { ...sent, method, headers });
  }

  /** The newest audit event of an action. */
  async lastEvent(action: string) {
    const { json } = await this.admin('GET', `/audit?action=${action}&perPage=1`);
    return json.data.items[0];
  }

  async stop(): Promise<void> {
    for (const app of this.apps) await app.close();
    await this.database.drop();
  }
}

/** The answer must be what the route's description promises, no key more and no key less. */
export function promised(path: string, method: string, data: unknown): void {
  const { data: schema } = adminApi.find((one) => one.path === `/api/admin${path}` && one.method === method)!;
  const strict = schema instanceof z.ZodObject ? schema.strict() : schema;
  expect(strict.parse(data)).toEqual(data);
}
