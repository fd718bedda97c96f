/** One Postgres, our server as its users start it, and the floor, each in a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { GitClawClient } from '../../src/client/index.js';
import { migrate, startEmbeddedPostgres } from '../../src/db/index.js';
import { generateKey } from '../../src/signing/index.js';

export interface BenchAgent {
  agentId: string;
  privateKeyPem: string;
  client: GitClawClient;
}

export interface Environment {
  url: string;
  floorUrl: string;
  agents: BenchAgent[];
  /** Public repositories of the first agent. */
  repoIds: string[];
  stop(): Promise<void>;
}

const AGENTS = 16;
const REPOSITORIES = 16;
/** Both servers get the same. */
const CONNECTIONS = '10';

export async function startEnvironment(): Promise<Environment> {
  const folder = await mkdtemp(join(tmpdir(), 'gitclaw-bench-'));
  const postgres = await startEmbeddedPostgres({ dataDir: folder, log: { debug: () => {}, warn: console.warn } });
  await migrate(postgres.url);
  const env = {
    PATH: process.env.PATH ?? '',
    DATABASE_URL: postgres.url,
    DATABASE_MAX_CONNECTIONS: CONNECTIONS,
    GITCLAW_DATA_DIR: folder,
    PORT: '0',
    RATE_LIMIT_ENABLED: 'false',
    LOG_LEVEL: 'info',
  };
  const ours = await start(['dist/cli/main.js', 'serve', '--json'], env, /"url":"([^"]+)"/);
  const floor = await start(['--import', 'tsx', 'bench/api/floor.ts'], env, /listening on (\S+)/);
  const agents = await Promise.all(Array.from({ length: AGENTS }, (_, index) => register(ours.url, index)));
  const repoIds = await Promise.all(
    Array.from({ length: REPOSITORIES }, async (_, index) => {
      const repo = await agents[0]!.client.createRepo({ name: `bench-${index}` });
      return repo.repoId;
    }),
  );
  return {
    url: ours.url,
    floorUrl: floor.url,
    agents,
    repoIds,
    async stop() {
      await Promise.all([ours.stop(), floor.stop()]);
      await postgres.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function register(url: string, index: number): Promise<BenchAgent> {
  const { privateKeyPem, publicKey } = generateKey();
  const { agentId } = await new GitClawClient({ baseUrl: url }).register({ agentName: `bench-${index}`, publicKey });
  return { agentId, privateKeyPem, client: new GitClawClient({ baseUrl: url, agentId, privateKey: privateKeyPem }) };
}

/** Starts a node program and waits until it says where it listens. */
async function start(args: string[], env: Record<string, string>, says: RegExp) {
  const child: ChildProcess = spawn(process.execPath, args, {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const url = await new Promise<string>((resolve, reject) => {
    let text = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      if (text.length < 65_536) text += chunk;
      const found = says.exec(text)?.[1];
      if (found !== undefined) resolve(found);
    });
    child.once('exit', (code) => reject(new Error(`${args.join(' ')} ended with ${code}`)));
  });
  return {
    url,
    async stop() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}
