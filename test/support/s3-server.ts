/** Finds or starts the S3 server of a test run: one per run, started by the first test that needs it. */
import { spawn } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { radosgwEnvironment } from './radosgw-install.js';

/** How the run's folder reaches the workers. */
export const S3_RUN_VARIABLE = 'GITCLAW_TEST_S3_RUN';

const START_ATTEMPTS = 3;
const START_MS = 90_000;

/** Installing the packages may come before the start. */
const WAIT_MS = 600_000;

export interface S3Server {
  endpoint: string;
  accessKeyId: string;
  secretAccessKey: string;
}

/**
 * The server of this run: the one named by GITCLAW_TEST_S3_ENDPOINT with GITCLAW_TEST_S3_KEY and GITCLAW_TEST_S3_SECRET,
 * otherwise a radosgw of our own. @throws Error that says what is missing
 */
export async function s3Server(): Promise<S3Server> {
  const { GITCLAW_TEST_S3_ENDPOINT: endpoint, GITCLAW_TEST_S3_KEY: key, GITCLAW_TEST_S3_SECRET: secret } = process.env;
  if (endpoint !== undefined && endpoint !== '') {
    return { endpoint, accessKeyId: key ?? 'test', secretAccessKey: secret ?? 'testtest' };
  }
  const run = process.env[S3_RUN_VARIABLE];
  if (run === undefined) throw new Error('The S3 test server needs the global setup test/support/s3-setup.ts.');
  const { folder, owner } = JSON.parse(run) as { folder: string; owner: number };
  return takeLock(folder) ? startAndTell(folder, owner) : waitForOther(folder);
}

/** Making a folder succeeds for one process only. */
function takeLock(folder: string): boolean {
  try {
    mkdirSync(join(folder, 'starting'));
    return true;
  } catch {
    return false;
  }
}

async function startAndTell(folder: string, owner: number): Promise<S3Server> {
  const tell = (name: string, text: string) => {
    writeFileSync(join(folder, `${name}.part`), text);
    renameSync(join(folder, `${name}.part`), join(folder, name));
  };
  try {
    const server = await start(folder, owner);
    tell('server', JSON.stringify(server));
    return server;
  } catch (error) {
    tell('failure', error instanceof Error ? error.message : String(error));
    throw error;
  }
}

async function waitForOther(folder: string): Promise<S3Server> {
  for (const deadline = Date.now() + WAIT_MS; Date.now() < deadline; await sleep(100)) {
    if (existsSync(join(folder, 'server'))) return JSON.parse(readFileSync(join(folder, 'server'), 'utf8')) as S3Server;
    if (existsSync(join(folder, 'failure'))) throw new Error(readFileSync(join(folder, 'failure'), 'utf8'));
  }
  throw new Error('The S3 test server did not start in time.');
}

async function start(folder: string, owner: number): Promise<S3Server> {
  const env = await radosgwEnvironment();
  const script = join(dirname(fileURLToPath(import.meta.url)), 'radosgw.sh');
  for (let attempt = 1; ; attempt++) {
    const name = `server-${attempt}`;
    const base = join(folder, name);
    mkdirSync(base);
    const port = await freePort();
    // Other runs look for ports in the same moment, so a start that fails is tried again with others.
    const ports = [await freePort(), port, 20_000 + Math.floor(Math.random() * 120) * 100].map(String);
    const log = openSync(join(base, 'start.log'), 'a');
    // A group of its own: the setup kills it with all daemons, and the script ends it when this run dies.
    const child = spawn('bash', [script, folder, name, String(owner), ...ports], {
      detached: true,
      stdio: ['ignore', log, log],
      env,
    });
    child.unref();
    appendFileSync(join(folder, 'groups'), `${child.pid}\n`);
    if (await isReady(base, () => child.exitCode !== null || child.signalCode !== null)) {
      return { endpoint: `http://127.0.0.1:${port}`, accessKeyId: 'test', secretAccessKey: 'testtest' };
    }
    if (child.exitCode === null) process.kill(-(child.pid ?? 0), 'SIGKILL');
    if (attempt === START_ATTEMPTS) {
      throw new Error(`radosgw did not start:\n${readFileSync(join(base, 'start.log'), 'utf8').slice(-2000)}`);
    }
  }
}

async function isReady(base: string, ended: () => boolean): Promise<boolean> {
  for (const deadline = Date.now() + START_MS; Date.now() < deadline && !ended(); await sleep(50)) {
    if (existsSync(join(base, 'ready'))) return true;
  }
  return false;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve, reject) => server.once('listening', resolve).once('error', reject));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}
