/** Which server a command talks to. */
import type { Env } from './cli.js';
import { CliError } from './failure.js';
import { storedIdentities } from './store.js';

const DEFAULT_SERVER = 'https://api.gitclaw.dev';

/**
 * Reads a server address.
 * @param source what the address came from, for the message
 * @throws CliError (usage) unless it is an http(s) origin and nothing else
 */
export function parseServer(text: string, source: string): URL {
  const hint = 'give the address of the server alone, for example http://127.0.0.1:8080';
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new CliError('usage', `${source} is not a URL: ${text}`, hint);
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new CliError('usage', `${source} must start with http:// or https://`, hint);
  }
  if (url.username !== '' || url.password !== '') {
    throw new CliError('usage', `${source} must not carry a user name or password`, hint);
  }
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '') {
    throw new CliError('usage', `${source} must not have a path`, hint);
  }
  return url;
}

/** `--server`, else GITCLAW_BASE_URL, else the only server there is an identity for, else the public service. */
export function chooseServer(env: Env, flag: string | undefined): URL {
  if (flag !== undefined) return parseServer(flag, '--server');
  if (env.GITCLAW_BASE_URL) return parseServer(env.GITCLAW_BASE_URL, 'GITCLAW_BASE_URL');
  const known = [...new Set(storedIdentities(env).map((identity) => identity.baseUrl))];
  if (known.length > 1) {
    throw new CliError(
      'usage',
      `you have identities for ${known.join(', ')}`,
      'say which with --server URL or GITCLAW_BASE_URL',
    );
  }
  return new URL(known[0] ?? DEFAULT_SERVER);
}

/** True when two addresses dial the same server: equal origins, or two spellings of this machine's own address. */
export function sameServer(a: URL, b: URL): boolean {
  return (
    a.protocol === b.protocol && a.port === b.port && (a.hostname === b.hostname || (isLoopback(a) && isLoopback(b)))
  );
}

function isLoopback(url: URL): boolean {
  return url.hostname === 'localhost' || url.hostname === '[::1]' || url.hostname === '127.0.0.1';
}
