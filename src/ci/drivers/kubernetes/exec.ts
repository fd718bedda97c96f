/**
 * Running commands in a pod: the exec subresource over WebSocket with subprotocol v5.channel.k8s.io, which every message
 * begins with a channel byte and which can close standard input. Clusters have it since Kubernetes 1.30.
 *
 * The client library has an exec too, but it buffers all input without bound and lets the server close the standard
 * output of this process.
 */
import { once } from 'node:events';
import type { RequestOptions } from 'node:https';
import type { KubeConfig } from '@kubernetes/client-node';
import WebSocket, { type RawData } from 'ws';
import type { StreamName } from '../../log-store.js';

const PROTOCOL = 'v5.channel.k8s.io';
const CHANNEL = { stdin: 0, stdout: 1, stderr: 2, status: 3, close: 255 } as const;
/** A cluster that says nothing for so long is gone, milliseconds. */
const CONNECT_MS = 30_000;

export interface ExecTarget {
  namespace: string;
  pod: string;
  container: string;
}

export interface ExecOptions {
  command: readonly string[];
  stdin?: AsyncIterable<Uint8Array>;
  output?(stream: StreamName, bytes: Buffer): void;
  signal: AbortSignal;
}

/**
 * @returns the exit code, null when the command did not come to its end
 * @throws what the cluster answers when the command cannot be started, and what `stdin` throws
 */
export async function exec(kube: KubeConfig, target: ExecTarget, options: ExecOptions): Promise<number | null> {
  const { command, stdin, output, signal } = options;
  const socket = await connect(kube, target, command, stdin !== undefined);
  const end = () => socket.terminate();
  signal.addEventListener('abort', end, { once: true });
  if (signal.aborted) end();
  let code: number | null = null;
  socket.on('message', (data: RawData) => {
    const message = Buffer.isBuffer(data) ? data : Buffer.concat(data as Buffer[]);
    const [channel] = message;
    const bytes = message.subarray(1);
    if (channel === CHANNEL.stdout && bytes.length > 0) output?.('stdout', bytes);
    else if (channel === CHANNEL.stderr && bytes.length > 0) output?.('stderr', bytes);
    else if (channel === CHANNEL.status) code = exitCode(bytes);
  });
  const closed = once(socket, 'close');
  socket.on('error', () => {});
  try {
    if (stdin !== undefined) await send(socket, stdin);
    await closed;
    return code;
  } finally {
    signal.removeEventListener('abort', end);
    socket.terminate();
  }
}

async function connect(
  kube: KubeConfig,
  { namespace, pod, container }: ExecTarget,
  command: readonly string[],
  hasInput: boolean,
): Promise<WebSocket> {
  const query = new URLSearchParams({ container, stdin: String(hasInput), stdout: 'true', stderr: 'true' });
  for (const word of command) query.append('command', word);
  const server = kube.getCurrentCluster()?.server.replace(/^http/, 'ws').replace(/\/$/, '');
  const tls: RequestOptions = {};
  await kube.applyToHTTPSOptions(tls);
  const url = `${server}/api/v1/namespaces/${namespace}/pods/${pod}/exec?${query}`;
  const socket = new WebSocket(url, [PROTOCOL], { ...(tls as object), handshakeTimeout: CONNECT_MS });
  try {
    await once(socket, 'open');
  } catch (error) {
    throw new Error(`${(error as Error).message} (${PROTOCOL}: Kubernetes 1.30 or newer is needed)`);
  }
  return socket;
}

/** Sends all input and closes it; a command that ends before it read everything is not an error. */
async function send(socket: WebSocket, stdin: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const bytes of stdin) {
    if (socket.readyState !== WebSocket.OPEN) return;
    const sent = new Promise<void>((resolve) => socket.send(framed(CHANNEL.stdin, bytes), () => resolve()));
    await sent;
  }
  if (socket.readyState === WebSocket.OPEN) socket.send(framed(CHANNEL.close, Uint8Array.of(CHANNEL.stdin)));
}

function framed(channel: number, bytes: Uint8Array): Buffer {
  return Buffer.concat([Uint8Array.of(channel), bytes]);
}

/** The last message is a Status object (Kubernetes API reference). */
function exitCode(bytes: Buffer): number | null {
  const status = JSON.parse(bytes.toString()) as {
    status?: string;
    details?: { causes?: { reason?: string; message?: string }[] };
  };
  if (status.status === 'Success') return 0;
  const cause = status.details?.causes?.find(({ reason }) => reason === 'ExitCode');
  return cause === undefined ? null : Number(cause.message);
}
