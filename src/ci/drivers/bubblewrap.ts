/** Sandboxes made of Linux namespaces by bubblewrap (bwrap(1)), for one machine without a container engine. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { CiConfig, CiStep } from '../config-file.js';
import type { StreamName } from '../log-store.js';
import { createCgroup, removeStaleCgroups } from './cgroup.js';
import {
  MAX_PROCESSES,
  type Sandbox,
  type SandboxDriver,
  SandboxError,
  type SandboxRequest,
  WORKSPACE,
} from './contract.js';
import { MarkedOutput } from './marked-output.js';
import { finish, killGroup, TOOL_ENV } from './process.js';
import { supervisorScript } from './supervisor.js';

/** Folders with programs and what they need; nothing of /home, /root, /var or the server's own data. */
const SYSTEM_FOLDERS = ['/usr', '/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32'];
const SYSTEM_FILES = [
  '/etc/alternatives',
  '/etc/ld.so.cache',
  '/etc/ssl/certs',
  '/etc/ca-certificates',
  '/etc/localtime',
];
/** Who steps are inside; outside, a server that runs as root lends each run a user of its own from FIRST_UID on. */
const INSIDE_ID = '1000';
const PASSWD = `ci:x:${INSIDE_ID}:${INSIDE_ID}::${WORKSPACE}:/bin/sh\n`;
const GROUP = `ci:x:${INSIDE_ID}:\n`;
/** Users that neither people nor packages have (systemd's range for services without a fixed one). */
const FIRST_UID = 61_184;
const UIDS = 4_000;
/** /tmp is small beside the workspace. */
const TMP_BYTES = 256 * 1024 * 1024;

export function createBubblewrapDriver(program = 'bwrap'): SandboxDriver {
  return {
    name: 'bubblewrap',
    async probe() {
      await removeStaleCgroups();
      // What the supervisor and the limits need is tried along with it.
      const args = [...isolation(), '--', 'prlimit', '--nproc=64:64', '--', 'tar', '--version'];
      const [first = program, ...rest] = [...asStranger(), program, ...args];
      const { code, stderr } = await finish(first, rest);
      return code === 0
        ? undefined
        : `bubblewrap does not work: ${stderr.trim().split('\n')[0] || `it ended with ${code}`}`;
    },
    open: (request) => BubblewrapSandbox.open(program, request),
  };
}

class BubblewrapSandbox implements Sandbox {
  readonly #child: ChildProcess;
  readonly #outputs = { stdout: new MarkedOutput(), stderr: new MarkedOutput() };
  readonly #answers: AsyncIterator<string>;
  readonly #ended: Promise<void>;
  readonly #free: () => Promise<void>;

  private constructor(child: ChildProcess, free: () => Promise<void>) {
    this.#child = child;
    this.#free = free;
    this.#ended = new Promise((resolve) => child.once('close', () => resolve()));
    this.#answers = createInterface({ input: child.stdio[3] as Readable })[Symbol.asyncIterator]();
    for (const name of ['stdout', 'stderr'] as const) {
      child[name]?.on('data', (bytes: Buffer) => this.#outputs[name].push(bytes));
    }
    // Broken pipes mean that the sandbox ended, which is seen by its answers.
    for (const stream of child.stdio) stream?.on('error', () => {});
  }

  static async open(program: string, { runId, config, checkout, signal }: SandboxRequest): Promise<BubblewrapSandbox> {
    const cgroup = await createCgroup(runId, config.resources);
    const inner = [...isolation(), ...workplace(config), '--', ...limits(config), 'sh', '/run/supervisor'];
    const [first = program, ...args] = [...(cgroup?.enter ?? []), ...asStranger(), program, ...inner];
    const pipes = Array.from({ length: 8 }, () => 'pipe' as const);
    // A group of its own, so that all of it can be killed at once.
    const child = spawn(first, args, { stdio: pipes, env: TOOL_ENV, cwd: '/', detached: true });
    const sandbox = new BubblewrapSandbox(child, async () => cgroup?.remove());
    const problems: Buffer[] = [];
    sandbox.#outputs.stderr.begin((bytes) => problems.push(bytes));
    const kill = () => killGroup(child);
    signal.addEventListener('abort', kill, { once: true });
    child.once('error', (error) => problems.push(Buffer.from(error.message)));
    const given: [number, string][] = [
      [5, supervisorScript(config)],
      [6, PASSWD],
      [7, GROUP],
    ];
    for (const [fd, content] of given) (child.stdio[fd] as Writable).end(content);
    let broken: unknown;
    const sent = pipeline(Readable.from(checkout), child.stdio[4] as Writable).catch((error: unknown) => {
      broken = error;
    });
    if (signal.aborted) kill();
    const answer = await sandbox.#answer();
    if (answer === 'ready') await sent;
    if (answer !== 'ready' || broken !== undefined) {
      await sandbox.close();
      if (broken instanceof SandboxError) throw broken;
      const why = Buffer.concat(problems).toString().trim().slice(0, 1000);
      throw new SandboxError(`The checkout could not be put into the sandbox${why === '' ? '.' : `: ${why}`}`, {
        cause: broken,
      });
    }
    return sandbox;
  }

  async run(_step: CiStep, order: number, output: (stream: StreamName, bytes: Buffer) => void): Promise<number | null> {
    for (const name of ['stdout', 'stderr'] as const) this.#outputs[name].begin((bytes) => output(name, bytes));
    this.#command(`run ${order}`);
    const answer = await this.#answer();
    const code = /^end (\d+)$/.exec(answer ?? '')?.[1];
    if (code === undefined) {
      await this.close();
      return null;
    }
    // Made up only now that nothing of the step is left which could write it.
    const mark = randomUUID();
    const complete = Promise.all([this.#outputs.stdout.until(mark), this.#outputs.stderr.until(mark)]);
    this.#command(`mark ${mark}`);
    await Promise.race([complete, this.#ended]);
    for (const stream of Object.values(this.#outputs)) stream.flush();
    return Number(code);
  }

  async close(): Promise<void> {
    killGroup(this.#child);
    if (this.#child.pid !== undefined) await this.#ended;
    await this.#free();
  }

  async #answer(): Promise<string | undefined> {
    const { value } = await this.#answers.next();
    return value;
  }

  #command(line: string): void {
    this.#child.stdin?.write(`${line}\n`);
  }
}

/** Prefix that takes root away, so that limits count and files of root stay closed. */
function asStranger(): string[] {
  if (process.getuid?.() !== 0) return [];
  const uid = FIRST_UID + randomInt(UIDS);
  return ['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', '--no-new-privs'];
}

function isolation(): string[] {
  const present = (flag: string, paths: string[]) =>
    paths.flatMap((path) => (existsSync(path) ? [flag, path, path] : []));
  return [
    ...[
      '--unshare-all',
      '--unshare-user',
      '--disable-userns',
      '--die-with-parent',
      '--new-session',
      '--clearenv',
      '--cap-drop',
      'ALL',
    ],
    ...['--uid', INSIDE_ID, '--gid', INSIDE_ID, '--hostname', 'ci'],
    ...present('--ro-bind', SYSTEM_FOLDERS),
    ...present('--ro-bind', SYSTEM_FILES),
    ...['--proc', '/proc', '--dev', '/dev'],
  ];
}

function workplace({ resources }: CiConfig): string[] {
  return [
    ...['--size', String(resources.disk), '--tmpfs', WORKSPACE],
    ...['--size', String(Math.min(TMP_BYTES, resources.disk)), '--tmpfs', '/tmp'],
    ...[
      '--ro-bind-data',
      '5',
      '/run/supervisor',
      '--ro-bind-data',
      '6',
      '/etc/passwd',
      '--ro-bind-data',
      '7',
      '/etc/group',
    ],
    // The root of the namespace is a tmpfs without a limit of its own.
    ...['--remount-ro', '/', '--setenv', 'PATH', TOOL_ENV.PATH, '--chdir', WORKSPACE],
  ];
}

/** Limits that need no cgroup. They count inside the sandbox's own user namespace, so runs do not use up each other's. */
function limits({ resources, timeout }: CiConfig): string[] {
  return [
    ...['prlimit', `--nproc=${MAX_PROCESSES}:${MAX_PROCESSES}`, `--data=${resources.memory}:${resources.memory}`],
    ...[
      `--fsize=${resources.disk}:${resources.disk}`,
      `--cpu=${timeout}:${timeout}`,
      '--core=0:0',
      '--nofile=4096:4096',
    ],
    '--',
  ];
}
