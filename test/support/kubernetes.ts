/**
 * A stand-in for a cluster: an API server that takes what the published schemas allow, and pods that are folders in
 * which commands really run. It has no container, no network policy and no scheduler.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { V1ContainerState, V1Job, V1NetworkPolicy } from '@kubernetes/client-node';
import { Job } from 'kubernetes-models/batch/v1/Job';
import { NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1/NetworkPolicy';
import { type WebSocket, WebSocketServer } from 'ws';

const TOKEN = 'cluster-token';

/** The parts of a pod's status that tell whether it starts. */
export interface PodStatus {
  phase: string;
  reason?: string;
  message?: string;
  containerStatuses?: { state: V1ContainerState }[];
}

export interface FakePod {
  job: string;
  labels: Record<string, string>;
  status: PodStatus;
}

export class FakeCluster {
  readonly folder = mkdtempSync(join(tmpdir(), 'gitclaw-cluster-'));
  /** What was created, by kind. */
  readonly jobs: V1Job[] = [];
  readonly policies: V1NetworkPolicy[] = [];
  readonly requests: string[] = [];
  readonly commands: string[][] = [];
  pods: FakePod[] = [];
  /** Status of pods that are created. */
  podStatus: PodStatus = { phase: 'Running' };
  /** Refuses every call with this. */
  refusal: { code: number; message: string } | undefined;
  protocol = 'v5.channel.k8s.io';
  /** Where pods think the API server is; nobody listens on port 1. */
  podsSeePort = 1;
  readonly #server = createServer((request, response) => void this.#answer(request, response));
  readonly #sockets = new WebSocketServer({ noServer: true, handleProtocols: () => this.protocol });

  static async start(): Promise<FakeCluster> {
    const cluster = new FakeCluster();
    mkdirSync(join(cluster.folder, 'workspace'));
    cluster.#server.on('upgrade', (request, socket, head) => {
      const isKnown = request.headers.authorization === `Bearer ${TOKEN}`;
      if (!isKnown) return socket.end('HTTP/1.1 401 Unauthorized\r\n\r\n');
      return cluster.#sockets.handleUpgrade(request, socket, head, (client) => cluster.#exec(client, request));
    });
    cluster.#server.listen(0, '127.0.0.1');
    await once(cluster.#server, 'listening');
    return cluster;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Path of a file that tells a client how to reach the cluster. */
  kubeConfig(): string {
    const path = join(this.folder, 'kubeconfig.json');
    const named = (name: string, value: unknown) => [{ name: 'test', [name]: value }];
    writeFileSync(
      path,
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'Config',
        clusters: named('cluster', { server: `http://127.0.0.1:${this.port}`, 'insecure-skip-tls-verify': true }),
        users: named('user', { token: TOKEN }),
        contexts: named('context', { cluster: 'test', user: 'test' }),
        'current-context': 'test',
      }),
    );
    return path;
  }

  async stop(): Promise<void> {
    for (const client of this.#sockets.clients) client.terminate();
    this.#server.closeAllConnections();
    this.#server.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    const url = new URL(request.url ?? '/', 'http://cluster');
    this.requests.push(`${request.method} ${url.pathname}${url.search}`);
    const { code, body } = this.#handle(request, url, text === '' ? undefined : JSON.parse(text));
    response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  }

  #handle(request: IncomingMessage, url: URL, body: unknown): { code: number; body: unknown } {
    const status = (code: number, message: string) => ({
      code,
      body: { kind: 'Status', status: 'Failure', message, code },
    });
    if (request.headers.authorization !== `Bearer ${TOKEN}`) return status(401, 'Unauthorized');
    if (this.refusal !== undefined) return status(this.refusal.code, this.refusal.message);
    const what = `${request.method} ${url.pathname.replace(/^.*\/namespaces\/ci\//, '')}`;
    if (request.method !== 'GET' && request.method !== 'DELETE') {
      if (url.searchParams.get('fieldValidation') !== 'Strict') return status(400, 'fields are not validated');
      try {
        (what.endsWith(' jobs') ? new Job(body as object as never) : new NetworkPolicy(body as never)).validate();
      } catch (error) {
        return status(422, (error as Error).message);
      }
    }
    switch (what) {
      case 'POST networkpolicies':
        if (this.policies.length > 0) return status(409, 'networkpolicies already exists');
        this.policies.push(body as V1NetworkPolicy);
        return { code: 201, body };
      case 'PUT networkpolicies/gitclaw-ci-no-network':
        this.policies[0] = body as V1NetworkPolicy;
        return { code: 200, body };
      case 'POST jobs': {
        const job = body as V1Job;
        this.jobs.push(job);
        const name = job.metadata?.name ?? '';
        const labels = { ...job.spec?.template.metadata?.labels, 'batch.kubernetes.io/job-name': name };
        this.pods.push({ job: name, labels, status: this.podStatus });
        return { code: 201, body };
      }
      case 'GET pods':
        return { code: 200, body: { kind: 'PodList', items: this.#selected(url).map(podObject) } };
      case 'DELETE jobs': {
        const gone = new Set(this.#selected(url));
        this.pods = this.pods.filter((pod) => !gone.has(pod));
        return { code: 200, body: { kind: 'Status', status: 'Success' } };
      }
      default:
        return status(404, `the stand-in does not know ${what}`);
    }
  }

  #selected(url: URL): FakePod[] {
    const [key, value] = (url.searchParams.get('labelSelector') ?? '').split('=') as [string, string];
    return this.pods.filter(({ labels }) => labels[key] === value);
  }

  #exec(client: WebSocket, request: IncomingMessage): void {
    const query = new URL(request.url ?? '/', 'http://cluster').searchParams;
    const command = query.getAll('command');
    this.commands.push(command);
    const send = (channel: number, bytes: Uint8Array) => client.send(Buffer.concat([Uint8Array.of(channel), bytes]));
    const finish = (code: number | null) => {
      const details = { causes: [{ reason: 'ExitCode', message: String(code) }] };
      const result = code === 0 ? { status: 'Success' } : { status: 'Failure', reason: 'NonZeroExitCode', details };
      send(3, Buffer.from(JSON.stringify(result)));
      client.close();
    };
    // There is no container around these processes, so nothing may be told to end everything.
    if (command.some((word) => word.includes('kill -9 -1'))) {
      finish(0);
      return;
    }
    const [program = '', ...args] = command.map((word) =>
      word.replaceAll('/workspace', join(this.folder, 'workspace')),
    );
    const env = {
      PATH: process.env.PATH ?? '',
      KUBERNETES_SERVICE_HOST: '127.0.0.1',
      KUBERNETES_SERVICE_PORT: String(this.podsSeePort),
    };
    const child = spawn(program, args, { env, detached: true });
    child.stdout.on('data', (bytes: Buffer) => send(1, bytes));
    child.stderr.on('data', (bytes: Buffer) => send(2, bytes));
    child.once('close', finish);
    child.stdin.on('error', () => {});
    if (query.get('stdin') !== 'true') child.stdin.end();
    client.on('message', (data: Buffer) => {
      if (data[0] === 0) child.stdin.write(data.subarray(1));
      else if (data[0] === 255 && data[1] === 0) child.stdin.end();
    });
    client.once('close', () => {
      if (child.exitCode === null && child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    });
  }
}

function podObject({ job, labels, status }: FakePod): unknown {
  return { kind: 'Pod', metadata: { name: `${job}-pod`, labels }, status };
}
