/** The few calls to the cluster that runs need, through the official client. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { BatchV1Api, CoreV1Api, KubeConfig, NetworkingV1Api, V1Job, V1Pod } from '@kubernetes/client-node';
import { SandboxError } from '../contract.js';
import { type ExecOptions, exec } from './exec.js';
import { CONTAINER, networkPolicyManifest, RUN_LABEL } from './manifests.js';

const POLL_MS = 250;
/** An image may have to be fetched, and a node added, milliseconds. */
const START_MS = 10 * 60_000;
/** Unknown fields are refused instead of being dropped: a misspelt limit must not become no limit. */
const STRICT = { fieldValidation: 'Strict' } as const;
/** Reasons of a waiting container that waiting does not cure. */
const HOPELESS = new Set([
  'InvalidImageName',
  'ErrImageNeverPull',
  'CreateContainerConfigError',
  'CreateContainerError',
]);
/** The kubelet repeats failed pulls; what failed for so long will not come, milliseconds. */
const PULL_MS = 60_000;

export class Cluster {
  readonly #kube: KubeConfig;
  readonly #batch: BatchV1Api;
  readonly #core: CoreV1Api;
  readonly #network: NetworkingV1Api;
  readonly namespace: string;

  private constructor(kube: KubeConfig, namespace: string, apis: [BatchV1Api, CoreV1Api, NetworkingV1Api]) {
    this.#kube = kube;
    this.namespace = namespace;
    [this.#batch, this.#core, this.#network] = apis;
  }

  /** The cluster of KUBECONFIG, of ~/.kube/config, or the one this process runs in. The client is large, so it is loaded here. */
  static async connect(namespace: string): Promise<Cluster> {
    const client = await import('@kubernetes/client-node');
    const kube = new client.KubeConfig();
    kube.loadFromDefault();
    return new Cluster(kube, namespace, [
      kube.makeApiClient(client.BatchV1Api),
      kube.makeApiClient(client.CoreV1Api),
      kube.makeApiClient(client.NetworkingV1Api),
    ]);
  }

  /** Creates the policy that cuts runs off the network, or puts it right. */
  async applyNetworkPolicy(): Promise<void> {
    const { namespace } = this;
    const body = networkPolicyManifest();
    const name = body.metadata?.name as string;
    try {
      await this.#network.createNamespacedNetworkPolicy({ namespace, body, ...STRICT });
    } catch (error) {
      if (statusOf(error) !== 409) throw error;
      await this.#network.replaceNamespacedNetworkPolicy({ name, namespace, body, ...STRICT });
    }
  }

  async createJob(body: V1Job): Promise<void> {
    await this.#batch.createNamespacedJob({ namespace: this.namespace, body, ...STRICT });
  }

  /** Removes every job of a run with its pods; none is fine. */
  async removeJobs(runId: string): Promise<void> {
    const labelSelector = `${RUN_LABEL}=${runId}`;
    await this.#batch.deleteCollectionNamespacedJob({
      namespace: this.namespace,
      labelSelector,
      propagationPolicy: 'Background',
      gracePeriodSeconds: 0,
    });
  }

  /** @returns the name of the job's pod once it runs. @throws SandboxError when it cannot */
  async runningPod(job: string, signal: AbortSignal): Promise<string> {
    const labelSelector = `batch.kubernetes.io/job-name=${job}`;
    const began = performance.now();
    let why = 'no pod was created';
    while (!signal.aborted && performance.now() - began < START_MS) {
      const { items } = await this.#core.listNamespacedPod({ namespace: this.namespace, labelSelector });
      const [pod] = items;
      if (pod?.status?.phase === 'Running') return pod.metadata?.name as string;
      if (pod !== undefined) {
        why = reasonOf(pod);
        if (isHopeless(pod, performance.now() - began)) break;
      }
      await sleep(POLL_MS, undefined, { signal }).catch(() => {});
    }
    throw new SandboxError(`The pod did not start: ${why.slice(0, 1000)}`);
  }

  exec(pod: string, options: ExecOptions): Promise<number | null> {
    return exec(this.#kube, { namespace: this.namespace, pod, container: CONTAINER }, options);
  }
}

function isHopeless({ status }: V1Pod, waitedMs: number): boolean {
  if (status?.phase === 'Failed' || status?.phase === 'Succeeded') return true;
  const waiting = status?.containerStatuses?.[0]?.state?.waiting?.reason ?? '';
  return HOPELESS.has(waiting) || (/^(ErrImagePull|ImagePullBackOff)$/.test(waiting) && waitedMs > PULL_MS);
}

/** What the cluster says, most telling first. */
function reasonOf({ status }: V1Pod): string {
  const { waiting, terminated } = status?.containerStatuses?.[0]?.state ?? {};
  const condition = status?.conditions?.find(({ status: value, message }) => value === 'False' && message);
  const said = waiting ?? terminated ?? status;
  return [said?.reason, said?.message ?? condition?.message].filter(Boolean).join(': ') || `it is ${status?.phase}`;
}

export function statusOf(error: unknown): number | undefined {
  return (error as { code?: number } | null)?.code;
}
