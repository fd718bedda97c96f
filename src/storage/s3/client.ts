import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import type { S3Config } from '../../config.js';
import { createRetryStrategy, type RetryStrategy } from './retry.js';

/** Above the concurrency of the callers: a request that waits for a socket counts against CONNECT_MS. */
const MAX_SOCKETS = 256;

/** A service that does not take a connection for this long is unreachable. */
export const CONNECT_MS = 10_000;

/** A connection on which nothing moves for this long is dead. A paused reader resumes by range. */
export const IDLE_MS = 30_000;

/** What the calls of one store share, whether they go through the SDK or not. */
export interface Connection {
  client: S3Client;
  agents: { 'http:': HttpAgent; 'https:': HttpsAgent };
  retries: RetryStrategy;
}

/**
 * The connection of one store; `client.destroy()` ends it. Checksums are sent only where S3 demands them, as several
 * compatible services refuse the newer ones; bodies are checked against their git object ids anyway.
 */
export function connect(config: S3Config): Connection {
  const pooling = { keepAlive: true, maxSockets: MAX_SOCKETS };
  const agents = { 'http:': new HttpAgent(pooling), 'https:': new HttpsAgent(pooling) };
  const retries = createRetryStrategy(config);
  const options: S3ClientConfig = {
    region: config.region,
    forcePathStyle: config.pathStyle,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    retryStrategy: retries,
    requestHandler: new NodeHttpHandler({
      httpAgent: agents['http:'],
      httpsAgent: agents['https:'],
      connectionTimeout: CONNECT_MS,
      socketTimeout: IDLE_MS,
    }),
  };
  if (config.endpoint !== undefined) options.endpoint = config.endpoint;
  if (config.credentials !== undefined) options.credentials = config.credentials;
  return { client: withoutVersionNotice(() => new S3Client(options)), agents, retries };
}

/** The client announces on stderr which Node versions later releases will need; that is nothing for an operator. */
function withoutVersionNotice<T>(construct: () => T): T {
  const emit = process.emitWarning;
  process.emitWarning = (warning: string | Error) => {
    if (!String(warning).startsWith('NodeVersionSupportWarning')) emit.call(process, warning);
  };
  try {
    return construct();
  } finally {
    process.emitWarning = emit;
  }
}
