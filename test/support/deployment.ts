/** The ways GitClaw is deployed, each as a running server on real parts; stories run on all of them. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Config, S3Config } from '../../src/config.js';
import { type ObjectStore, openObjectStore } from '../../src/storage/index.js';
import { ServerProcess } from './node.js';
import { createTestDatabase } from './postgres.js';
import { roundRobin } from './round-robin.js';
import { createTestBucket } from './s3.js';

export interface Deployment {
  /** Address clients dial. */
  url: string;
  /** What a node of this deployment is started with. */
  env: Record<string, string>;
  nodes: ServerProcess[];
  /** Opens the deployment's object store beside the server. */
  openObjects(): Promise<ObjectStore>;
  stop(): Promise<void>;
}

export interface DeploymentKind {
  name: string;
  start(options?: { program?: string[]; env?: Record<string, string> }): Promise<Deployment>;
}

/** Files and a Postgres of its own, as `npm start` does without any configuration. */
export const embedded: DeploymentKind = {
  name: 'embedded Postgres, filesystem',
  async start({ program, env: extra } = {}) {
    const dataDir = await mkdtemp(join(tmpdir(), 'gitclaw-data-'));
    const env = { GITCLAW_DATA_DIR: dataDir, ...extra };
    const node = await ServerProcess.start({ env, ...(program && { program }) });
    return {
      url: node.url,
      env,
      nodes: [node],
      openObjects: () => openObjectStore({ GITCLAW_DATA_DIR: dataDir, s3: undefined }),
      async stop() {
        await node.stop();
        await rm(dataDir, { recursive: true, force: true });
      },
    };
  },
};

/** An external Postgres and a real S3 server, with one node or with several behind a round-robin proxy. */
function external(name: string, count: number): DeploymentKind {
  return {
    name,
    async start({ program, env: extra } = {}) {
      const dataDir = await mkdtemp(join(tmpdir(), 'gitclaw-node-'));
      const database = await createTestDatabase({ empty: true });
      const bucket = await createTestBucket();
      const env = { DATABASE_URL: database.url, ...s3Env(bucket), ...extra };
      const proxy = count > 1 ? await roundRobin() : undefined;
      const nodes = await Promise.all(
        Array.from({ length: count }, (_, i) =>
          ServerProcess.start({
            env: { ...env, GITCLAW_DATA_DIR: join(dataDir, String(i)), ...(proxy && { PUBLIC_URL: proxy.url }) },
            ...(program && { program }),
          }),
        ),
      );
      proxy?.use(nodes.map((node) => node.url));
      return {
        url: proxy?.url ?? nodes[0]!.url,
        env: { ...env, GITCLAW_DATA_DIR: join(dataDir, '0') },
        nodes,
        openObjects: () =>
          openObjectStore({ GITCLAW_DATA_DIR: dataDir, s3: bucket } satisfies Pick<Config, 's3' | 'GITCLAW_DATA_DIR'>),
        async stop() {
          await Promise.all(nodes.map((node) => node.stop()));
          await proxy?.close();
          await database.drop();
          await bucket.drop();
          await rm(dataDir, { recursive: true, force: true });
        },
      };
    },
  };
}

export const s3: DeploymentKind = external('external Postgres, S3', 1);
export const twoNodes: DeploymentKind = external('external Postgres, S3, two nodes behind a round-robin', 2);

export const deployments: readonly DeploymentKind[] = [embedded, s3, twoNodes];

export function s3Env(bucket: S3Config): Record<string, string> {
  return {
    S3_BUCKET: bucket.bucket,
    S3_ENDPOINT: bucket.endpoint ?? '',
    S3_REGION: bucket.region,
    S3_ACCESS_KEY_ID: bucket.credentials?.accessKeyId ?? '',
    S3_SECRET_ACCESS_KEY: bucket.credentials?.secretAccessKey ?? '',
    S3_USE_PATH_STYLE: String(bucket.pathStyle),
  };
}
