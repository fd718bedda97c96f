/** Two servers behind a proxy and two workers, on one Postgres and one bucket, any of which may be killed. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { s3Env } from '../../support/deployment.js';
import { ServerProcess } from '../../support/node.js';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.js';
import { type RoundRobin, roundRobin } from '../../support/round-robin.js';
import { createTestBucket, type TestBucket } from '../../support/s3.js';

/** A server that starts while the others are at work, milliseconds. */
const START_MS = 60_000;

export class Fleet {
  readonly #folder = mkdtempSync(join(tmpdir(), 'gitclaw-fleet-'));
  readonly #env: Record<string, string>;
  readonly #proxy: RoundRobin;
  readonly #bucket: TestBucket;
  readonly #servers: ServerProcess[] = [];
  readonly #workers: ChildProcess[] = [];
  readonly database: TestDatabase;
  kills = 0;

  private constructor(database: TestDatabase, bucket: TestBucket, proxy: RoundRobin) {
    this.database = database;
    this.#bucket = bucket;
    this.#proxy = proxy;
    this.#env = {
      DATABASE_URL: database.url,
      ...s3Env(bucket),
      PUBLIC_URL: proxy.url,
      RATE_LIMIT_ENABLED: 'false',
      WEBHOOK_ALLOW_PRIVATE: 'true',
      LOG_LEVEL: 'error',
    };
  }

  static async start(): Promise<Fleet> {
    const [database, bucket, proxy] = await Promise.all([
      createTestDatabase({ empty: true }),
      createTestBucket(),
      roundRobin(),
    ]);
    const fleet = new Fleet(database, bucket, proxy);
    await Promise.all([0, 1].map((index) => fleet.#startServer(index)));
    await Promise.all([0, 1].map((index) => fleet.#startWorker(index)));
    return fleet;
  }

  get url(): string {
    return this.#proxy.url;
  }

  /** Kills the server or worker whose turn it is, without warning, and starts it again a second later. */
  async killNext(): Promise<void> {
    const turn = this.kills++ % 4;
    const index = turn >> 1;
    if (turn % 2 === 0) {
      await this.#servers[index]?.stop('SIGKILL');
      this.#announce();
      await sleep(1000);
      await this.#startServer(index);
    } else {
      const worker = this.#workers[index];
      worker?.kill('SIGKILL');
      await sleep(1000);
      await this.#startWorker(index);
    }
  }

  async stop(): Promise<void> {
    for (const worker of this.#workers) worker.kill('SIGKILL');
    await Promise.all(this.#servers.map((server) => server.stop()));
    await this.#proxy.close();
    await this.database.drop();
    await this.#bucket.drop();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #announce(): void {
    this.#proxy.use(this.#servers.filter(({ child }) => child.signalCode === null).map(({ url }) => url));
  }

  async #startServer(index: number): Promise<void> {
    const env = { ...this.#env, CI_ENABLED: 'false', GITCLAW_DATA_DIR: join(this.#folder, `server-${index}`) };
    this.#servers[index] = await ServerProcess.start({ env, startMs: START_MS });
    this.#announce();
  }

  async #startWorker(index: number): Promise<void> {
    const env = { ...this.#env, PATH: process.env.PATH, GITCLAW_DATA_DIR: join(this.#folder, `worker-${index}`) };
    const worker = spawn(process.execPath, ['dist/cli/main.js', 'worker'], {
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#workers[index] = worker;
    await once(worker.stdout!, 'data');
  }
}
