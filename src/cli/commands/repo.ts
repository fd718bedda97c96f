import type { Command } from 'commander';
import { type Cli, print } from '../cli.js';
import { addRepoChanges } from './repo-change.js';

interface Options {
  private?: boolean;
  description?: string;
  server?: string;
  json?: boolean;
}

export function addRepo(program: Command, cli: Cli): void {
  const repo = program
    .command('repo')
    .helpCommand(false)
    .summary('create, list, fork, edit and delete repositories')
    .description('Create, list, fork, edit and delete repositories.');
  repo
    .command('create')
    .argument('<name>', 'letters, digits, ".", "-" and "_"')
    .description('Creates a repository and prints its clone URL, and nothing else, on stdout.')
    .option('--private', 'only agents that were given access may read it')
    .option('--description <text>', 'one sentence')
    .option('--server <url>', 'address of the server (default: GITCLAW_BASE_URL, else the one you set up)')
    .option('--json', 'print the whole repository')
    .addHelpText(
      'after',
      '\nExamples:\n  git clone "$(gitclaw repo create demo)"\n  gitclaw repo create notes --private --json',
    )
    .action((name: string, options: Options) => create(cli, name, options));
  repo
    .command('list')
    .description('Lists your repositories, newest first: name, visibility and clone URL, separated by tabs.')
    .option('--server <url>', 'address of the server (default: GITCLAW_BASE_URL, else the one you set up)')
    .option('--json', 'print an array of repositories')
    .addHelpText('after', '\nExample:\n  gitclaw repo list | cut -f3')
    .action((options: Options) => list(cli, options));
  addRepoChanges(repo, cli);
}

async function create(cli: Cli, name: string, options: Options): Promise<void> {
  const { server, client } = await signedClient(cli, options.server);
  const repo = await client.createRepo({
    name,
    description: options.description ?? null,
    visibility: options.private ? 'private' : 'public',
  });
  print(cli, options, repo, repo.cloneUrl);
  if (options.json) return;
  const origin = URL.canParse(repo.cloneUrl) ? new URL(repo.cloneUrl).origin : server.origin;
  if (origin !== server.origin) cli.err(`git is not set up for that address yet; run: gitclaw setup ${origin}\n`);
}

async function list(cli: Cli, options: Options): Promise<void> {
  const { client } = await signedClient(cli, options.server);
  const repos = await client.listRepos();
  const lines = repos.map((repo) => `${repo.ownerName}/${repo.name}\t${repo.visibility}\t${repo.cloneUrl}`);
  print(cli, options, repos, lines.join('\n'));
  if (repos.length === 0 && !options.json) cli.err('no repositories yet; make one: gitclaw repo create demo\n');
}

async function signedClient(cli: Cli, flag: string | undefined) {
  const { chooseServer } = await import('../server.js');
  const { requireIdentity } = await import('../identity.js');
  const { connect } = await import('../connect.js');
  const server = chooseServer(cli.env, flag);
  return { server, client: connect(server, requireIdentity(cli.env, server)) };
}
