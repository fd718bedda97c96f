/** Sandboxes that are pods of a Kubernetes cluster, one job per run, where one machine is not enough. */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CiConfig, CiStep } from '../../config-file.js';
import type { StreamName } from '../../log-store.js';
import {
  type Sandbox,
  type SandboxDriver,
  SandboxError,
  type SandboxRequest,
  stepEnv,
  stepFolder,
  WORKSPACE,
} from '../contract.js';
import { quote } from '../shell.js';
import { Cluster } from './cluster.js';
import { jobManifest } from './manifests.js';
import { NETWORK_PROBE, verdictOf } from './network-probe.js';

/** A policy takes effect some time after a pod has started. */
const ISOLATION_TRIES = 15;

export interface KubernetesOptions {
  namespace: string;
  image: string;
  /** Between looks whether the pod is cut off; default 2000. */
  isolationPauseMs?: number;
}

export function createKubernetesDriver(options: KubernetesOptions): SandboxDriver {
  let connected: Promise<Cluster> | undefined;
  const cluster = () => {
    connected ??= Cluster.connect(options.namespace);
    return connected;
  };
  return {
    name: 'kubernetes',
    async probe() {
      try {
        await (await cluster()).applyNetworkPolicy();
        return undefined;
      } catch (error) {
        return `kubernetes does not work: ${messageOf(error)}`;
      }
    },
    open: async (request) => PodSandbox.open(await cluster(), options, request),
  };
}

class PodSandbox implements Sandbox {
  readonly #cluster: Cluster;
  readonly #runId: string;
  readonly #config: CiConfig;
  readonly #ended = new AbortController();
  #pod = '';
  #closed: Promise<void> | undefined;

  private constructor(cluster: Cluster, { runId, config }: SandboxRequest) {
    this.#cluster = cluster;
    this.#runId = runId;
    this.#config = config;
  }

  static async open(
    cluster: Cluster,
    { image, isolationPauseMs = 2_000 }: KubernetesOptions,
    request: SandboxRequest,
  ): Promise<PodSandbox> {
    const { runId, config, checkout, signal } = request;
    const sandbox = new PodSandbox(cluster, request);
    signal.addEventListener('abort', () => void sandbox.close(), { once: true });
    try {
      // What an earlier runner of the same run may have left.
      await cluster.removeJobs(runId);
      const name = `gitclaw-ci-${runId}-${randomBytes(3).toString('hex')}`;
      await cluster.createJob(jobManifest({ name, runId, image, config }));
      sandbox.#pod = await cluster.runningPod(name, sandbox.#ended.signal);
      await sandbox.#checkIsolation(isolationPauseMs);
      await sandbox.#unpack(checkout);
      return sandbox;
    } catch (error) {
      await sandbox.close();
      throw error instanceof SandboxError ? error : new SandboxError(`The cluster refused: ${messageOf(error)}`);
    }
  }

  async run(step: CiStep, _order: number, output: (stream: StreamName, bytes: Buffer) => void): Promise<number | null> {
    const env = Object.entries(stepEnv(this.#config, step)).map(([key, value]) => quote(`${key}=${value}`));
    const script = `cd -- ${quote(stepFolder(step))} && exec env -i ${env.join(' ')} sh -c ${quote(step.run)}`;
    try {
      const code = await this.#exec(script, output);
      // Everything but the first process of the container, which cannot be killed from inside.
      if (code !== null) await this.#exec('kill -9 -1');
      return code;
    } catch {
      // The pod or the way to it is gone.
      return null;
    }
  }

  close(): Promise<void> {
    this.#ended.abort();
    // The job's own deadline ends what cannot be removed now.
    this.#closed ??= this.#cluster.removeJobs(this.#runId).catch(() => {});
    return this.#closed;
  }

  /** A cluster whose network plugin ignores policies accepts them all the same, so it is tried out in the pod itself. */
  async #checkIsolation(pauseMs: number): Promise<void> {
    for (let tries = 0; tries < ISOLATION_TRIES; tries++) {
      const verdict = verdictOf(await this.#exec(NETWORK_PROBE));
      if (this.#ended.signal.aborted) throw new SandboxError('The run was ended before its pod was ready.');
      if (verdict === 'isolated') return;
      if (verdict === 'unknown') {
        throw new SandboxError('Whether the pod has a network cannot be told: the image needs bash or python3.');
      }
      await sleep(pauseMs, undefined, { signal: this.#ended.signal }).catch(() => {});
    }
    throw new SandboxError('The cluster does not enforce network policies, so the run would not be isolated.');
  }

  async #unpack(checkout: AsyncIterable<Uint8Array>): Promise<void> {
    const command = ['tar', '-x', '-f', '-', '-C', WORKSPACE, '--no-same-owner'];
    const { signal } = this.#ended;
    const code = await this.#cluster.exec(this.#pod, { command, stdin: checkout, signal });
    if (code !== 0) throw new SandboxError('The checkout could not be put into the pod.');
  }

  async #exec(script: string, output?: (stream: StreamName, bytes: Buffer) => void): Promise<number | null> {
    const { signal } = this.#ended;
    if (signal.aborted) return null;
    return this.#cluster.exec(this.#pod, { command: ['sh', '-c', script], signal, ...(output && { output }) });
  }
}

/** The client puts the answer's text and headers behind the first line. */
function messageOf(error: unknown): string {
  const { body, message } = error as { body?: unknown; message?: string };
  const said = typeof body === 'string' ? /"message":"((?:[^"\\]|\\.)*)"/.exec(body)?.[1] : undefined;
  return (said ?? message ?? String(error)).split('\n')[0]?.slice(0, 300) ?? '';
}
