/** The node's HTTP server: timeouts, and an orderly end. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import type { Hono } from 'hono';
import { ConfigError } from '../config.js';
import type { AppContext } from '../context.js';
import { AppError } from '../errors.js';
import { type AppEnv, JSON_TYPE } from '../routing/index.js';
import { requestIdFor } from './middleware/request-id.js';
import { drainingError, errorEnvelope, errorHeaders } from './respond.js';

/** Headers must be complete by then, so that idle half-requests do not pile up. */
const HEADERS_TIMEOUT_MS = 30_000;
/** Longer than the 60 s of common proxies, which otherwise reuse a connection in the moment it is closed. */
const KEEP_ALIVE_MS = 65_000;

export interface Listening {
  port: number;
  url: string;
  /**
   * Stops accepting, answers 503 on kept connections, waits until requests in flight are answered and at last cuts
   * those that are not after `graceMs`. May be called again; all calls resolve together.
   */
  close(graceMs: number): Promise<void>;
}

/** Where to listen. */
export interface Place {
  host: string;
  port: number;
  /** The setting that names the port. */
  setting: 'PORT' | 'WORKER_PORT';
}

/** Serves the app. @throws ConfigError with one printable line when the address cannot be used */
export async function listen(
  { config }: AppContext,
  app: Hono<AppEnv>,
  place: Place = { host: config.HOST, port: config.PORT, setting: 'PORT' },
): Promise<Listening> {
  const answer = getRequestListener(app.fetch, {
    hostname: 'localhost',
    errorHandler: () => new Response(badRequest(), { status: 400, headers: { 'Content-Type': JSON_TYPE } }),
  });
  const inFlight = new Set<ServerResponse>();
  let ending: Promise<void> | undefined;
  let onIdle = () => {};
  // A push of gigabytes takes as long as it takes: no limit on the whole request.
  const timeouts = { requestTimeout: 0, headersTimeout: HEADERS_TIMEOUT_MS, keepAliveTimeout: KEEP_ALIVE_MS };
  const server = createServer(timeouts, (incoming, outgoing) => {
    if (ending !== undefined) return refuse(incoming, outgoing);
    inFlight.add(outgoing);
    outgoing.once('close', () => {
      inFlight.delete(outgoing);
      if (inFlight.size === 0) onIdle();
    });
    void answer(incoming, outgoing);
  });

  await new Promise<void>((resolve, reject) => {
    const refused = (cause: NodeJS.ErrnoException) => reject(new ConfigError(refusal(place, cause), { cause }));
    server.once('error', refused);
    server.listen(place.port, place.host, () => {
      server.off('error', refused);
      resolve();
    });
  });

  const end = async (graceMs: number): Promise<void> => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const outgoing of inFlight) outgoing.shouldKeepAlive = false;
    if (inFlight.size > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, graceMs);
        onIdle = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    server.closeAllConnections();
    await closed;
  };

  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `http://${reachable(place.host)}:${port}`,
    close: (graceMs) => {
      ending ??= end(graceMs);
      return ending;
    },
  };
}

function refusal({ host, port, setting }: Place, { code }: NodeJS.ErrnoException): string {
  if (code === 'EADDRINUSE') return `${setting} ${port} on ${host} is in use by another program`;
  return `HOST ${host} and ${setting} ${port} cannot be listened on (${code})`;
}

function refuse(incoming: IncomingMessage, outgoing: ServerResponse): void {
  const requestId = requestIdFor(incoming.headers['x-request-id']);
  const error = drainingError();
  const headers = { ...errorHeaders(error), 'Content-Type': JSON_TYPE, 'X-Request-Id': requestId, Connection: 'close' };
  outgoing.writeHead(error.status, headers).end(JSON.stringify(errorEnvelope(error, requestId)));
}

/** For requests whose target or Host is no URL; they never reach the app. */
function badRequest(): string {
  return JSON.stringify(errorEnvelope(new AppError('VALIDATION_ERROR'), requestIdFor(undefined)));
}

/** An address a client on this machine can dial. */
function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
}
