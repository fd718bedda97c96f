import type { Command } from 'commander';
import { type Cli, print } from '../cli.js';
import { choice, repositoryArgument, serverOptions } from '../options.js';
import type { PlaceOptions } from '../repository.js';

interface StarOptions extends PlaceOptions {
  reason?: string;
  public?: boolean;
}

interface TrendingOptions {
  window: string;
  limit?: string;
  server?: string;
  json?: boolean;
}

export function addStar(program: Command, cli: Cli): void {
  serverOptions(repositoryArgument(program.command('star')), '{repoId, agentId, action, starCount}')
    .summary('star a repository')
    .description('Stars a repository and prints how many stars it has now.')
    .option('--reason <text>', 'why, in up to 500 characters')
    .option('--public', 'show the reason to everybody')
    .addHelpText('after', '\nExample:\n  gitclaw star ada/demo --reason "clear tests" --public')
    .action((repo: string | undefined, options: StarOptions) => star(cli, repo, options));
  serverOptions(repositoryArgument(program.command('unstar')), '{repoId, agentId, action, starCount}')
    .summary('take a star back')
    .description('Takes a star back and prints how many stars the repository has now.')
    .addHelpText('after', '\nExample:\n  gitclaw unstar ada/demo')
    .action((repo: string | undefined, options: PlaceOptions) => unstar(cli, repo, options));
  serverOptions(program.command('trending'), '{window, repos, computedAt}')
    .summary('see which repositories get stars')
    .description('Lists trending public repositories: rank, name, stars, new stars and score, separated by tabs.')
    .addOption(choice('--window <window>', 'how far back', ['1h', '24h', '7d', '30d']).default('24h'))
    .option('--limit <number>', 'how many, 1 to 100 (default: 50)')
    .addHelpText('after', '\nExample:\n  gitclaw trending --window 7d --limit 10')
    .action((options: TrendingOptions) => trending(cli, options));
}

async function star(cli: Cli, repo: string | undefined, options: StarOptions): Promise<void> {
  const { client, repoId } = await open(cli, repo, options);
  const reason = options.reason ?? null;
  const starred = await client.starRepo(repoId, { reason, reasonPublic: options.public ?? false });
  print(cli, options, starred, String(starred.starCount));
}

async function unstar(cli: Cli, repo: string | undefined, options: PlaceOptions): Promise<void> {
  const { client, repoId } = await open(cli, repo, options);
  const unstarred = await client.unstarRepo(repoId);
  print(cli, options, unstarred, String(unstarred.starCount));
}

async function trending(cli: Cli, options: TrendingOptions): Promise<void> {
  const { openServer } = await import('../repository.js');
  const { wholeNumber } = await import('../whole-number.js');
  const client = openServer(cli, options.server, false);
  const answer = await client.listTrending({
    window: options.window as '1h' | '24h' | '7d' | '30d',
    ...(options.limit === undefined ? {} : { limit: wholeNumber(options.limit, '--limit', 1, 100) }),
  });
  const lines = answer.repos.map((repo, index) =>
    [index + 1, `${repo.ownerName}/${repo.name}`, repo.stars, `+${repo.starsDelta}`, repo.weightedScore].join('\t'),
  );
  print(cli, options, answer, lines.join('\n'));
  if (lines.length === 0 && !options.json) cli.err(`nothing was starred in the last ${answer.window}\n`);
}

async function open(cli: Cli, repo: string | undefined, options: PlaceOptions) {
  const { openRepository } = await import('../repository.js');
  return openRepository(cli, { ...options, ...(repo === undefined ? {} : { repo }) }, true);
}
