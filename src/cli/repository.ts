/** Which repository a command is about, and a client to ask for it. */
import { type GitClawClient, repositoryOfPath } from '../client/index.js';
import type { Cli } from './cli.js';
import { connect } from './connect.js';
import { CliError } from './failure.js';
import { remoteAddresses } from './git-folder.js';
import { findIdentity, requireIdentity } from './identity.js';
import { chooseServer, sameServer } from './server.js';
import { storedIdentities } from './store.js';

/** Options every command about a repository has. */
export interface PlaceOptions {
  repo?: string;
  server?: string;
  json?: boolean;
}

export interface Place {
  server: URL;
  client: GitClawClient;
  /** Id, or `owner/name`. */
  repo: string;
}

/**
 * Server and repository: what the command line names, else what a remote of the current folder points at.
 * @param signs whether an identity is needed; without one, public repositories can still be read
 * @throws CliError (usage) when neither names a repository, (identity) when there must be an identity and is none
 */
export function openPlace(cli: Cli, options: PlaceOptions, signs: boolean): Place {
  const { server, repo } = locate(cli, options);
  return { server, repo, client: clientFor(cli, server, signs) };
}

/** As {@link openPlace}, with the id of the repository: the routes below it take nothing else. */
export async function openRepository(cli: Cli, options: PlaceOptions, signs: boolean) {
  const place = openPlace(cli, options, signs);
  const repoId = place.repo.includes('/') ? (await place.client.repo(place.repo)).repoId : place.repo;
  return { ...place, repoId };
}

/** A client for commands that are about no repository. */
export function openServer(cli: Cli, flag: string | undefined, signs: boolean): GitClawClient {
  const server = chooseServer(cli.env, flag);
  return clientFor(cli, server, signs);
}

function clientFor(cli: Cli, server: URL, signs: boolean): GitClawClient {
  return connect(server, signs ? requireIdentity(cli.env, server) : findIdentity(cli.env, server));
}

function locate(cli: Cli, options: PlaceOptions): { server: URL; repo: string } {
  if (options.repo !== undefined) return { server: chooseServer(cli.env, options.server), repo: parse(options.repo) };
  const isNamed = options.server !== undefined || Boolean(cli.env.GITCLAW_BASE_URL);
  const known = isNamed
    ? [chooseServer(cli.env, options.server)]
    : storedIdentities(cli.env).map(({ baseUrl }) => new URL(baseUrl));
  for (const address of remoteAddresses(cli)) {
    if (!/^https?:/.test(address) || !URL.canParse(address)) continue;
    const url = new URL(address);
    const server = known.find((each) => sameServer(each, url));
    const repo = repositoryOfPath(decodeURIComponent(url.pathname));
    if (server !== undefined && repo !== undefined) return { server, repo };
  }
  const where = known.length === 0 ? 'a GitClaw server you have set up' : known.map((url) => url.origin).join(' or ');
  throw new CliError(
    'usage',
    `no repository is named, and no remote of this folder points at ${where}`,
    'name it as owner/name or by its id, or run this inside a clone',
  );
}

function parse(text: string): string {
  if (/^[^/\s]+(\/[^/\s]+)?$/.test(text)) return text.replace(/\.git$/, '');
  throw new CliError('usage', `not a repository: ${text}`, 'name it as owner/name or by its id');
}
