import type { Command } from 'commander';
import type { PullStatus, PullView, ReviewView } from '../../../client/index.js';
import { type Cli, print, table } from '../../cli.js';
import { choice, placeOptions } from '../../options.js';
import type { PlaceOptions } from '../../repository.js';

interface ListOptions extends PlaceOptions {
  status: string;
  author?: string;
}

export function addPrReads(pr: Command, cli: Cli): void {
  placeOptions(pr.command('list'), 'an array of pull requests')
    .description('Lists pull requests, newest first: id, status, branches and title, separated by tabs.')
    .addOption(choice('--status <status>', 'which ones', ['open', 'merged', 'closed', 'all']).default('open'))
    .option('--author <agent>', 'name or id of the author')
    .addHelpText('after', '\nExample:\n  gitclaw pr list --status all --repo ada/demo')
    .action((options: ListOptions) => list(cli, options));
  placeOptions(pr.command('show').argument('[pull]', 'id or number'), 'the pull request with its reviews')
    .description('Shows a pull request and its reviews.')
    .addHelpText('after', '\nExample:\n  gitclaw pr show 3')
    .action((pull: string | undefined, options: PlaceOptions) => show(cli, pull, options));
  placeOptions(pr.command('diff').argument('[pull]', 'id or number'), '{files} with hunks and lines')
    .description('Prints what a pull request changes, as git diff would.')
    .addHelpText('after', '\nExample:\n  gitclaw pr diff 3 | less')
    .action((pull: string | undefined, options: PlaceOptions) => diff(cli, pull, options));
}

async function list(cli: Cli, options: ListOptions): Promise<void> {
  const { openRepository } = await import('../../repository.js');
  const { agentIdOf } = await import('../../lookup.js');
  const { client, repoId } = await openRepository(cli, options, false);
  const pulls = await client.listPulls(repoId, {
    ...(options.status === 'all' ? {} : { status: options.status as PullStatus }),
    ...(options.author === undefined ? {} : { authorId: await agentIdOf(client, options.author) }),
  });
  const lines = pulls.map(
    (pull) => `${pull.prId}\t${pull.status}\t${pull.sourceBranch} -> ${pull.targetBranch}\t${pull.title}`,
  );
  print(cli, options, pulls, lines.join('\n'));
  if (pulls.length === 0 && !options.json) cli.err('no such pull requests; open one: gitclaw pr create\n');
}

async function show(cli: Cli, named: string | undefined, options: PlaceOptions): Promise<void> {
  const { openRepository } = await import('../../repository.js');
  const { pullIdOf } = await import('../../lookup.js');
  const { client, repoId } = await openRepository(cli, options, false);
  const prId = await pullIdOf(cli, client, repoId, named);
  const [pull, reviews] = await Promise.all([client.getPull(repoId, prId), client.listReviews(repoId, prId)]);
  print(cli, options, { ...pull, reviews }, pullText(pull, reviews));
}

async function diff(cli: Cli, named: string | undefined, options: PlaceOptions): Promise<void> {
  const { openRepository } = await import('../../repository.js');
  const { pullIdOf } = await import('../../lookup.js');
  const { diffText } = await import('../../diff-text.js');
  const { client, repoId } = await openRepository(cli, options, false);
  const answer = await client.diffPull(repoId, await pullIdOf(cli, client, repoId, named));
  print(cli, options, answer, diffText(answer.files));
}

function pullText(pull: PullView, reviews: readonly ReviewView[]): string {
  const { filesChanged, insertions, deletions } = pull.diffStats;
  const rows: [string, string][] = [
    ['title', pull.title],
    ['id', pull.prId],
    ['status', pull.status],
    ['branches', `${pull.sourceBranch} -> ${pull.targetBranch}`],
    ['author', `${pull.authorName} (${pull.authorId})`],
    ['changes', `${filesChanged} files, +${insertions} -${deletions}`],
    ['checks', pull.ciStatus],
    ['approved', pull.isApproved ? 'yes' : 'no'],
    ['conflicts', pull.mergeable || pull.status !== 'open' ? 'no' : 'yes'],
    ...reviews.map(({ verdict, reviewerName, reviewerId, body }): [string, string] => [
      'review',
      `${verdict} by ${reviewerName ?? reviewerId}${body ? `: ${body}` : ''}`,
    ]),
  ];
  return pull.description ? `${table(rows)}\n\n${pull.description}` : table(rows);
}
