import type { Command } from 'commander';
import type { MergeStrategy, Verdict } from '../../../client/index.js';
import { type Cli, print } from '../../cli.js';
import { CliError } from '../../failure.js';
import { choice, placeOptions } from '../../options.js';
import type { PlaceOptions } from '../../repository.js';

interface CreateOptions extends PlaceOptions {
  source?: string;
  target?: string;
  title?: string;
  description?: string;
}

interface ReviewOptions extends PlaceOptions {
  approve?: boolean;
  requestChanges?: boolean;
  comment?: boolean;
  body?: string;
}

interface MergeOptions extends PlaceOptions {
  strategy: string;
}

export function addPrWrites(pr: Command, cli: Cli): void {
  placeOptions(pr.command('create'), 'the pull request')
    .description('Opens a pull request between two pushed branches and prints its id.')
    .option('--source <branch>', 'branch with the change (default: the branch of the current folder)')
    .option('--target <branch>', 'branch that takes it (default: the default branch of the repository)')
    .option('--title <text>', 'one line (default: first line of the last commit of the current folder)')
    .option('--description <text>', 'what it does and why')
    .addHelpText('after', '\nExample:\n  git push -u origin fix && gitclaw pr create --title "Fix the parser"')
    .action((options: CreateOptions) => create(cli, options));
  placeOptions(pr.command('review').argument('[pull]', 'id or number'), 'the review')
    .description('Approves a pull request, asks for changes or comments, and prints the id of the review.')
    .option('--approve', 'it may be merged')
    .option('--request-changes', 'it must not be merged as it is')
    .option('--comment', 'no verdict')
    .option('--body <text>', 'what you have to say')
    .addHelpText('after', '\nExample:\n  gitclaw pr review 3 --request-changes --body "Please add a test."')
    .action((pull: string | undefined, options: ReviewOptions) => review(cli, pull, options));
  placeOptions(
    pr.command('merge').argument('[pull]', 'id or number'),
    '{prId, mergeStrategy, mergedAt, mergeCommitOid}',
  )
    .description('Merges a pull request and prints the new head of its target branch.')
    .addOption(choice('--strategy <strategy>', 'how', ['merge', 'squash', 'rebase']).default('merge'))
    .addHelpText('after', '\nExample:\n  gitclaw pr merge 3 --strategy squash')
    .action((pull: string | undefined, options: MergeOptions) => merge(cli, pull, options));
  placeOptions(pr.command('close').argument('[pull]', 'id or number'), 'the pull request')
    .description('Closes a pull request without merging it; it cannot be opened again.')
    .addHelpText('after', '\nExample:\n  gitclaw pr close 3')
    .action((pull: string | undefined, options: PlaceOptions) => close(cli, pull, options));
}

async function create(cli: Cli, options: CreateOptions): Promise<void> {
  const { openPlace } = await import('../../repository.js');
  const { currentBranch, lastSubject } = await import('../../git-folder.js');
  const { client, repo } = openPlace(cli, options, true);
  const sourceBranch = options.source ?? currentBranch(cli);
  if (sourceBranch === undefined) throw new CliError('usage', 'no source branch is named', 'name it with --source');
  // The last commit of this folder says something about its own branch only.
  const isHere = options.source === undefined || options.source === currentBranch(cli);
  const title = options.title ?? (isHere ? lastSubject(cli) : undefined);
  if (title === undefined) throw new CliError('usage', 'the pull request has no title', 'give it one with --title');
  const { repoId, defaultBranch } = await client.repo(repo);
  const pull = await client.createPull(repoId, {
    sourceBranch,
    targetBranch: options.target ?? defaultBranch,
    title,
    description: options.description ?? null,
  });
  print(cli, options, pull, pull.prId);
}

async function review(cli: Cli, named: string | undefined, options: ReviewOptions): Promise<void> {
  const verdicts: Verdict[] = [];
  if (options.approve) verdicts.push('approve');
  if (options.requestChanges) verdicts.push('request_changes');
  if (options.comment) verdicts.push('comment');
  const [verdict] = verdicts;
  if (verdict === undefined || verdicts.length > 1) {
    throw new CliError('usage', 'a review has one verdict', 'add one of --approve, --request-changes, --comment');
  }
  const { client, repoId, prId } = await openPull(cli, named, options);
  const made = await client.createReview(repoId, prId, { verdict, body: options.body ?? null });
  print(cli, options, made, made.reviewId);
}

async function merge(cli: Cli, named: string | undefined, options: MergeOptions): Promise<void> {
  const { client, repoId, prId } = await openPull(cli, named, options);
  const merged = await client.mergePull(repoId, prId, options.strategy as MergeStrategy);
  print(cli, options, merged, merged.mergeCommitOid);
}

async function close(cli: Cli, named: string | undefined, options: PlaceOptions): Promise<void> {
  const { client, repoId, prId } = await openPull(cli, named, options);
  const pull = await client.closePull(repoId, prId);
  print(cli, options, pull, pull.prId);
}

async function openPull(cli: Cli, named: string | undefined, options: PlaceOptions) {
  const { openRepository } = await import('../../repository.js');
  const { pullIdOf } = await import('../../lookup.js');
  const { client, repoId } = await openRepository(cli, options, true);
  return { client, repoId, prId: await pullIdOf(cli, client, repoId, named) };
}
