/** Sandboxes that are containers, through the docker command line; podman's takes the same options. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { CiConfig, CiStep } from '../config-file.js';
import type { StreamName } from '../log-store.js';
import {
  BASE_ENV,
  MAX_PROCESSES,
  type Sandbox,
  type SandboxDriver,
  SandboxError,
  type SandboxRequest,
  stepEnv,
  stepFolder,
  WORKSPACE,
} from './contract.js';
import { finish, TOOL_ENV } from './process.js';

const USER = '65534:65534';
/** The container ends by itself when its runner dies and nobody removes it; seconds after the run's own time. */
const GRACE_SECS = 60;
const TMP_BYTES = 256 * 1024 * 1024;
/** An image may have to be fetched first. */
const START_MS = 10 * 60_000;

export interface DockerOptions {
  image: string;
  program?: string;
  /** Where the docker daemon is, as the client reads it: DOCKER_HOST, DOCKER_CONTEXT, HOME. */
  env?: Record<string, string>;
}

export function createDockerDriver({ image, program = 'docker', env = {} }: DockerOptions): SandboxDriver {
  const docker = new Docker(program, { ...TOOL_ENV, ...env });
  return {
    name: 'docker',
    async probe() {
      const { code, stderr } = await docker.finish(['version', '--format', '{{.Server.Version}}']);
      return code === 0
        ? undefined
        : `docker does not work: ${stderr.trim().split('\n')[0] || `it ended with ${code}`}`;
    },
    open: (request) => DockerSandbox.open(docker, image, request),
  };
}

class Docker {
  constructor(
    readonly program: string,
    readonly env: Record<string, string>,
  ) {}

  finish(args: string[], timeoutMs = 20_000) {
    return finish(this.program, args, { env: this.env, timeoutMs });
  }

  start(args: string[]): ChildProcess {
    const child = spawn(this.program, args, { env: this.env, stdio: ['pipe', 'pipe', 'pipe'] });
    child.stdin?.on('error', () => {});
    return child;
  }
}

class DockerSandbox implements Sandbox {
  readonly #docker: Docker;
  readonly #container: string;
  readonly #config: CiConfig;
  #closed: Promise<void> | undefined;

  private constructor(docker: Docker, container: string, config: CiConfig) {
    this.#docker = docker;
    this.#container = container;
    this.#config = config;
  }

  static async open(
    docker: Docker,
    image: string,
    { runId, config, checkout, signal }: SandboxRequest,
  ): Promise<DockerSandbox> {
    const sandbox = new DockerSandbox(docker, `gitclaw-ci-${runId}`, config);
    // What an earlier runner of the same run may have left.
    await docker.finish(['rm', '--force', sandbox.#container]);
    signal.addEventListener('abort', () => void sandbox.close(), { once: true });
    const { code, stderr } = await docker.finish(['run', ...sandbox.#options(image)], START_MS);
    if (code === 0 && !signal.aborted && (await sandbox.#unpack(checkout))) return sandbox;
    await sandbox.close();
    throw new SandboxError(
      code === 0
        ? 'The checkout could not be put into the container.'
        : `The container did not start: ${stderr.trim().slice(0, 1000)}`,
    );
  }

  async run(step: CiStep, _order: number, output: (stream: StreamName, bytes: Buffer) => void): Promise<number | null> {
    const env = Object.entries(stepEnv(this.#config, step)).flatMap(([key, value]) => ['--env', `${key}=${value}`]);
    const where = ['--workdir', stepFolder(step), ...env, this.#container];
    const child = this.#docker.start(['exec', ...where, 'sh', '-c', step.run]);
    child.stdin?.end();
    for (const name of ['stdout', 'stderr'] as const) child[name]?.on('data', (bytes: Buffer) => output(name, bytes));
    const code = await ended(child);
    return this.#closed === undefined ? code : null;
  }

  close(): Promise<void> {
    this.#closed ??= this.#docker.finish(['rm', '--force', '--volumes', this.#container]).then(() => {});
    return this.#closed;
  }

  async #unpack(checkout: AsyncIterable<Uint8Array>): Promise<boolean> {
    const args = ['exec', '--interactive', this.#container, 'tar', '-x', '-f', '-', '-C', WORKSPACE];
    const child = this.#docker.start(args);
    let broken: unknown;
    const sent = pipeline(Readable.from(checkout), child.stdin as Writable).catch((error: unknown) => {
      broken = error;
    });
    child.stdout?.resume();
    child.stderr?.resume();
    const code = await ended(child);
    await sent;
    if (broken instanceof SandboxError) {
      await this.close();
      throw broken;
    }
    return code === 0 && broken === undefined;
  }

  #options(image: string): string[] {
    const { resources, timeout } = this.#config;
    const tmpfs = (path: string, bytes: number) => ['--tmpfs', `${path}:rw,exec,nosuid,nodev,mode=1777,size=${bytes}`];
    // What lies in a tmpfs counts as memory, so the disk limit comes on top.
    const memory = String(resources.memory + resources.disk);
    return [
      ...['--detach', '--rm', '--init', '--name', this.#container, '--network', 'none', '--user', USER],
      ...['--read-only', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges', '--ipc', 'private'],
      ...['--memory', memory, '--memory-swap', memory, '--cpu-shares', String(resources.cpu_shares)],
      ...['--pids-limit', String(MAX_PROCESSES), '--ulimit', 'core=0', '--ulimit', 'nofile=4096'],
      ...tmpfs(WORKSPACE, resources.disk),
      ...tmpfs('/tmp', Math.min(TMP_BYTES, resources.disk)),
      ...['--workdir', WORKSPACE, '--env', `PATH=${BASE_ENV.PATH}`, '--entrypoint', 'sleep'],
      ...[image, String(timeout + GRACE_SECS)],
    ];
  }
}

async function ended(child: ChildProcess): Promise<number | null> {
  try {
    const [code] = await once(child, 'close');
    return code as number | null;
  } catch {
    // The program is not there any more.
    return null;
  }
}
