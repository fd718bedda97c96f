/** What a run is in the cluster (Kubernetes API reference: Job v1 batch, NetworkPolicy v1 networking.k8s.io). */
import type { V1Job, V1NetworkPolicy } from '@kubernetes/client-node';
import type { CiConfig } from '../../config-file.js';
import { BASE_ENV, WORKSPACE } from '../contract.js';

export const CONTAINER = 'steps';
/** All pods of runs have this label; the policy that cuts them off selects it. */
const LABEL = { 'app.kubernetes.io/name': 'gitclaw-ci' };
export const RUN_LABEL = 'gitclaw/run';

/** The cluster ends the pod by itself when its runner dies; seconds after the run's own time, the start included. */
const GRACE_SECS = 660;
/** How long an ended job stays when nobody removes it, seconds. */
const REMOVE_AFTER_SECS = 60;
const NOBODY = 65534;
const TMP_BYTES = 256 * 1024 * 1024;
/** `cpu_shares` of one whole processor. */
const SHARES_PER_CPU = 1024;

/**
 * Waits until it is told to end, and reaps what steps leave behind, because the first process of a container inherits
 * orphans. The loop survives that its own child is killed after a step.
 */
const IDLE = ['sh', '-c', 'trap "exit 0" TERM; while :; do sleep 1; done'];

export interface JobOptions {
  name: string;
  runId: string;
  image: string;
  config: CiConfig;
}

/** A job of one pod, without retries, root, privileges, service account, network (see the policy) or writable image. */
export function jobManifest({ name, runId, image, config: { resources, timeout } }: JobOptions): V1Job {
  const labels = { ...LABEL, [RUN_LABEL]: runId };
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name, labels },
    spec: {
      backoffLimit: 0,
      activeDeadlineSeconds: timeout + GRACE_SECS,
      ttlSecondsAfterFinished: REMOVE_AFTER_SECS,
      template: {
        metadata: { labels },
        spec: {
          restartPolicy: 'Never',
          terminationGracePeriodSeconds: 0,
          automountServiceAccountToken: false,
          enableServiceLinks: false,
          securityContext: {
            runAsNonRoot: true,
            runAsUser: NOBODY,
            runAsGroup: NOBODY,
            fsGroup: NOBODY,
            seccompProfile: { type: 'RuntimeDefault' },
          },
          containers: [
            {
              name: CONTAINER,
              image,
              command: IDLE,
              workingDir: WORKSPACE,
              env: [{ name: 'PATH', value: BASE_ENV.PATH as string }],
              resources: {
                requests: {
                  cpu: `${Math.max(1, Math.round((resources.cpu_shares * 1000) / SHARES_PER_CPU))}m`,
                  memory: String(resources.memory),
                  'ephemeral-storage': String(resources.disk),
                },
                limits: { memory: String(resources.memory), 'ephemeral-storage': String(resources.disk) },
              },
              securityContext: {
                allowPrivilegeEscalation: false,
                readOnlyRootFilesystem: true,
                capabilities: { drop: ['ALL'] },
              },
              volumeMounts: [
                { name: 'workspace', mountPath: WORKSPACE },
                { name: 'tmp', mountPath: '/tmp' },
              ],
            },
          ],
          volumes: [
            { name: 'workspace', emptyDir: { sizeLimit: String(resources.disk) } },
            { name: 'tmp', emptyDir: { sizeLimit: String(Math.min(TMP_BYTES, resources.disk)) } },
          ],
        },
      },
    },
  };
}

/** Nothing comes in and nothing goes out, for every run of the namespace. */
export function networkPolicyManifest(): V1NetworkPolicy {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: 'gitclaw-ci-no-network', labels: LABEL },
    spec: { podSelector: { matchLabels: LABEL }, policyTypes: ['Ingress', 'Egress'], ingress: [], egress: [] },
  };
}
