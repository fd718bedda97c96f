/** What is measured: git's own server and ours, behind one shape. */

import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TestAgent } from '../../test/support/agent.js';
import type { Deployment } from '../../test/support/deployment.js';
import type { GitSandbox } from '../../test/support/git.js';

export interface Target {
  name: string;
  /** Root of the server's process tree. */
  pid: number;
  /** Whether it repeats old answers, so that nothing that is pushed stays. */
  replays?: true;
  /** Makes a repository that holds what `source` holds, settled: ready for the fastest service it can give. */
  host(name: string, source: string): Promise<string>;
  /** Settles a repository again after pushes, if the server does not do so by itself. */
  tidy(name: string): Promise<void>;
  /** An empty repository. */
  empty(name: string): Promise<string>;
  /** Request headers that let one push through. */
  pushHeaders(url: string): Record<string, string>;
  stop(): Promise<void>;
}

/** `git -c` arguments that send headers with every request. */
export function headerConfig(headers: Record<string, string>): string[] {
  return Object.entries(headers).flatMap(([name, value]) => ['-c', `http.extraHeader=${name}: ${value}`]);
}

/** git http-backend as CGI programs of lighttpd, as Debian packages them. */
export async function startPeer(sandbox: GitSandbox): Promise<Target> {
  const root = mkdtempSync(join(tmpdir(), 'gitclaw-peer-'));
  const port = await freePort();
  writeFileSync(
    join(root, 'lighttpd.conf'),
    `server.document-root = "${root}"
server.port = ${port}
server.bind = "127.0.0.1"
server.modules = ("mod_alias", "mod_setenv", "mod_cgi")
server.stream-request-body = 2
server.stream-response-body = 2
server.max-request-size = 0
alias.url = ("/git" => "/usr/lib/git-core/git-http-backend")
setenv.add-environment = ("GIT_PROJECT_ROOT" => "${root}", "GIT_HTTP_EXPORT_ALL" => "1", "PATH" => "/usr/bin:/bin")
$HTTP["url"] =~ "^/git" { cgi.assign = ("" => "") }
`,
  );
  const child = spawn('lighttpd', ['-D', '-f', join(root, 'lighttpd.conf')], { stdio: 'ignore' });
  const url = `http://127.0.0.1:${port}`;
  await answers(url, child);
  const init = async (name: string) => {
    const dir = join(root, name);
    await sandbox.git(['init', '-q', '--bare', '-b', 'main', dir]);
    await sandbox.git(['config', 'http.receivepack', 'true'], { cwd: dir });
    return dir;
  };
  const tidy = async (name: string) => {
    const dir = join(root, name);
    await sandbox.git(['pack-refs', '--all'], { cwd: dir });
    await sandbox.git(['repack', '-adq', '--write-bitmap-index'], { cwd: dir });
    await sandbox.git(['commit-graph', 'write', '--reachable'], { cwd: dir });
  };
  return {
    name: 'git http-backend',
    pid: child.pid!,
    async host(name, source) {
      const dir = await init(name);
      cpSync(join(source, 'objects'), join(dir, 'objects'), { recursive: true });
      await sandbox.git(['fetch', '-q', source, '+refs/*:refs/*'], { cwd: dir });
      await tidy(name);
      return `${url}/git/${name}`;
    },
    tidy,
    async empty(name) {
      await init(name);
      return `${url}/git/${name}`;
    },
    pushHeaders: () => ({}),
    async stop() {
      child.kill();
      rmSync(root, { recursive: true, force: true });
    },
  };
}

/** GitClaw as a process of its own. */
export async function startOurs(deployment: Deployment, name: string): Promise<Target> {
  const agent = await TestAgent.setup(deployment.url, 'bench');
  const empty = async (repo: string) => (await agent.createRepo(repo)).cloneUrl;
  return {
    name,
    pid: deployment.nodes[0]!.child.pid!,
    async host(repo, source) {
      const url = await empty(repo);
      await agent.git(['push', '-q', '--mirror', url], { cwd: source });
      return url;
    },
    tidy: async () => {},
    empty,
    pushHeaders: (url) => ({
      Authorization: `GitClaw ${agent.client.gitToken({ url, service: 'git-receive-pack' })}`,
    }),
    async stop() {
      agent.dispose();
      await deployment.stop();
    },
  };
}

async function answers(url: string, child: ChildProcess): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    if (child.exitCode !== null) break;
    if (await fetch(url).then(Boolean, () => false)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('lighttpd did not start: install the packages lighttpd and git');
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
