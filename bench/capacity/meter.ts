/** Reads what a node, its database and its object store have spent so far. */
import postgres from 'postgres';
import type { Deployment } from '../../test/support/deployment.js';
import { cpuSeconds, settle } from '../support/process-tree.js';
import { type Cost, costOf } from './model.js';

/** Backends report their counters when they are idle for a second. */
const STATISTICS_MS = 2_500;

export class Meter {
  readonly #deployment: Deployment;
  readonly #sql: postgres.Sql;
  /** Bytes that clients have received, as they counted them. */
  sentBytes = 0;

  constructor(deployment: Deployment) {
    this.#deployment = deployment;
    this.#sql = postgres(deployment.env.DATABASE_URL ?? '', { max: 1 });
  }

  /** @returns the mean cost of one of `count` rounds, background work that they cause included */
  async measure(count: number, round: (index: number) => Promise<unknown>): Promise<Cost> {
    const before = await this.#read();
    for (let index = 0; index < count; index++) await round(index);
    const after = await this.#read();
    return costOf((key) => (after[key] - before[key]) / count);
  }

  close(): Promise<void> {
    return this.#sql.end();
  }

  async #read(): Promise<Cost> {
    const { pid } = this.#deployment.nodes[0]!.child;
    await settle(pid!);
    await new Promise((resolve) => setTimeout(resolve, STATISTICS_MS));
    const [database] = await this.#sql`
      SELECT (SELECT coalesce(sum(n_tup_ins), 0)::float8 FROM pg_stat_user_tables) AS rows,
             pg_database_size(current_database())::float8 AS bytes`;
    const metrics = await (await fetch(`${this.#deployment.url}/metrics`)).text();
    const count = (pattern: RegExp) =>
      [...metrics.matchAll(pattern)].reduce((total, found) => total + Number(found[1]), 0);
    return {
      cpu: cpuSeconds(pid!),
      requests: count(/^http_requests_total\{.*\} (\S+)$/gm),
      rows: database?.rows,
      databaseBytes: database?.bytes,
      puts: count(/^s3_request_total\{operation="(?:put|list|delete)_[^"]*"\} (\S+)$/gim),
      gets: count(/^s3_request_total\{operation="(?:get|head)_[^"]*"\} (\S+)$/gim),
      storedBytes: await this.#storedBytes(),
      sentBytes: this.sentBytes,
    };
  }

  async #storedBytes(): Promise<number> {
    const objects = await this.#deployment.openObjects();
    let bytes = 0;
    for await (const { size } of objects.list('')) bytes += size;
    return bytes;
  }
}
