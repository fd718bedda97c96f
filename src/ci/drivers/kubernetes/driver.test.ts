import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeCluster } from '../../../../test/support/kubernetes.js';
import { parseConfig } from '../../config-file.js';
import { TAR_END, tarEntry } from '../../tar.js';
import { createKubernetesDriver } from './driver.js';

let cluster: FakeCluster;
const { KUBECONFIG } = process.env;
beforeEach(async () => {
  cluster = await FakeCluster.start();
  process.env.KUBECONFIG = cluster.kubeConfig();
});
afterEach(async () => {
  if (KUBECONFIG === undefined) delete process.env.KUBECONFIG;
  else process.env.KUBECONFIG = KUBECONFIG;
  await cluster.stop();
});

const config = parseConfig(
  Buffer.from(
    `env: { A: "1" }
timeout: 100
resources: { memory: 67108864, cpu_shares: 512, disk: 1048576 }
steps:
  - { name: a, run: "cat ../file; echo $A$B >&2; exit 3", working_dir: sub, env: { B: "x 'y" } }
  - { name: b, run: "sleep 60" }`,
  ),
);
const big = Buffer.alloc(3_000_000, 'big ');
async function* checkout() {
  yield tarEntry({ kind: 'file', path: Buffer.from('file'), data: Buffer.from('content'), executable: false });
  yield tarEntry({ kind: 'folder', path: Buffer.from('sub') });
  yield tarEntry({ kind: 'file', path: Buffer.from('big'), data: big, executable: true });
  yield TAR_END;
}
const driver = () => createKubernetesDriver({ namespace: 'ci', image: 'img' });
const request = (signal = new AbortController().signal) => ({ runId: 'run-1', config, checkout: checkout(), signal });

describe('the kubernetes driver', () => {
  it('runs steps in the pod of a job, whose output, exit code and end it sees', async () => {
    const sandbox = await driver().open(request());
    expect(readFileSync(join(cluster.folder, 'workspace/big')).equals(big)).toBe(true);
    const output = { stdout: '', stderr: '' };
    const code = await sandbox.run(config.steps[0]!, 0, (stream, bytes) => {
      output[stream] += bytes.toString();
    });
    expect({ code, ...output }).toEqual({ code: 3, stdout: 'content', stderr: "1x 'y\n" });
    expect(cluster.commands.at(-1)).toEqual(['sh', '-c', 'kill -9 -1']);
    expect(cluster.pods).toHaveLength(1);
    await sandbox.close();
    expect(cluster.pods).toEqual([]);
    expect(await sandbox.run(config.steps[0]!, 0, () => {})).toBeNull();
  });

  it('asks for a pod without root, privileges, tokens, retries, and with the limits of the run', async () => {
    await (await driver().open(request())).close();
    const [{ metadata, spec } = {}] = cluster.jobs;
    expect(metadata?.labels).toEqual({ 'app.kubernetes.io/name': 'gitclaw-ci', 'gitclaw/run': 'run-1' });
    expect(spec).toMatchObject({ backoffLimit: 0, activeDeadlineSeconds: 760, ttlSecondsAfterFinished: 60 });
    const pod = spec?.template.spec;
    expect(pod).toMatchObject({
      restartPolicy: 'Never',
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      securityContext: { runAsNonRoot: true, runAsUser: 65534, seccompProfile: { type: 'RuntimeDefault' } },
    });
    expect(pod?.containers[0]).toMatchObject({
      image: 'img',
      securityContext: {
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      },
      resources: {
        requests: { cpu: '500m', memory: '67108864' },
        limits: { memory: '67108864', 'ephemeral-storage': '1048576' },
      },
    });
    expect(pod?.volumes?.map((volume) => volume.emptyDir?.sizeLimit)).toEqual(['1048576', '1048576']);
  });

  it('cuts all runs off the network, again when somebody changed the policy', async () => {
    expect(await driver().probe()).toBeUndefined();
    const [policy] = cluster.policies;
    expect(policy?.spec).toEqual({
      podSelector: { matchLabels: { 'app.kubernetes.io/name': 'gitclaw-ci' } },
      policyTypes: ['Ingress', 'Egress'],
      ingress: [],
      egress: [],
    });
    cluster.policies[0] = { ...policy, spec: { podSelector: {}, egress: [{}] } };
    expect(await driver().probe()).toBeUndefined();
    expect(cluster.policies).toEqual([policy]);
  });

  it('refuses a cluster that does not enforce the policy', async () => {
    cluster.podsSeePort = cluster.port;
    const impatient = createKubernetesDriver({ namespace: 'ci', image: 'img', isolationPauseMs: 1 });
    await expect(impatient.open(request())).rejects.toThrow('The cluster does not enforce network policies');
    expect(cluster.commands.length).toBeGreaterThan(5);
    expect(existsSync(join(cluster.folder, 'workspace/file'))).toBe(false);
    expect(cluster.pods).toEqual([]);
  });

  it('gives up a pod whose run has ended meanwhile', async () => {
    cluster.podsSeePort = cluster.port;
    const end = new AbortController();
    const opening = expect(driver().open(request(end.signal))).rejects.toThrow('ended before its pod was ready');
    while (cluster.commands.length === 0) await sleep(20);
    end.abort();
    await opening;
    expect(cluster.pods).toEqual([]);
  });

  it('removes what an earlier runner of the same run left', async () => {
    await driver().open(request());
    await driver().open(request());
    expect(cluster.jobs).toHaveLength(2);
    expect(cluster.pods.map(({ job }) => job)).toEqual([cluster.jobs[1]?.metadata?.name]);
  });

  it('ends a step and removes its job when the run is ended', async () => {
    const end = new AbortController();
    const sandbox = await driver().open(request(end.signal));
    const running = sandbox.run(config.steps[1]!, 1, () => {});
    while (!cluster.commands.at(-1)?.at(-1)?.includes('sleep 60')) await sleep(20);
    end.abort();
    expect(await running).toBeNull();
    await sandbox.close();
    expect(cluster.pods).toEqual([]);
  });

  it.each([
    [
      'a pod that cannot start',
      {
        phase: 'Pending',
        containerStatuses: [{ state: { waiting: { reason: 'InvalidImageName', message: 'bad img' } } }],
      },
      'The pod did not start: InvalidImageName: bad img',
    ],
    ['a pod that was put out', { phase: 'Failed', reason: 'Evicted', message: 'no room' }, 'Evicted: no room'],
  ])('says why: %s', async (_, status, message) => {
    cluster.podStatus = status;
    await expect(driver().open(request())).rejects.toThrow(message);
    expect(cluster.pods).toEqual([]);
  });

  it('says why it does not work', async () => {
    cluster.refusal = { code: 403, message: 'networkpolicies is forbidden' };
    expect(await driver().probe()).toBe('kubernetes does not work: networkpolicies is forbidden');
    cluster.refusal = { code: 500, message: 'out of order' };
    await expect(driver().open(request())).rejects.toThrow('The cluster refused: out of order');
    const path = process.env.KUBECONFIG as string;
    await cluster.stop();
    process.env.KUBECONFIG = path;
    expect(await driver().probe()).toMatch(/^kubernetes does not work: /);
  });

  it('needs a cluster that can close the input of a command', async () => {
    cluster.protocol = 'v4.channel.k8s.io';
    await expect(driver().open(request())).rejects.toThrow('Kubernetes 1.30 or newer is needed');
  });
});
