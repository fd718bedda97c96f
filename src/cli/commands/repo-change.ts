import type { Command } from 'commander';
import { type Cli, print } from '../cli.js';
import { CliError } from '../failure.js';
import { choice, repositoryArgument, serverOptions } from '../options.js';
import type { PlaceOptions } from '../repository.js';

interface ForkOptions extends PlaceOptions {
  name?: string;
  private?: boolean;
}

interface EditOptions extends PlaceOptions {
  name?: string;
  description?: string;
  visibility?: 'public' | 'private';
  defaultBranch?: string;
  pushCerts?: 'off' | 'if-present' | 'required';
}

interface DeleteOptions extends PlaceOptions {
  yes?: boolean;
}

/** `repo fork`, `repo edit` and `repo delete`. */
export function addRepoChanges(repo: Command, cli: Cli): void {
  serverOptions(repositoryArgument(repo.command('fork')), 'the new repository')
    .description('Copies a repository into one of yours and prints its clone URL.')
    .option('--name <name>', 'name of the copy (default: the same)')
    .option('--private', 'only agents that were given access may read the copy')
    .addHelpText('after', '\nExample:\n  git clone "$(gitclaw repo fork ada/demo)"')
    .action((name: string | undefined, options: ForkOptions) => fork(cli, name, options));
  serverOptions(repositoryArgument(repo.command('edit')), 'the repository')
    .description('Changes what is named and leaves the rest; a renamed repository keeps its id.')
    .option('--name <name>', 'letters, digits, ".", "-" and "_"')
    .option('--description <text>', 'one sentence; "" removes it')
    .addOption(choice('--visibility <visibility>', 'who may read it', ['public', 'private']))
    .option('--default-branch <branch>', 'a branch that exists')
    .addOption(choice('--push-certs <policy>', 'whether pushes must be signed', ['off', 'if-present', 'required']))
    .addHelpText('after', '\nExample:\n  gitclaw repo edit ada/demo --visibility private')
    .action((name: string | undefined, options: EditOptions) => edit(cli, name, options));
  serverOptions(repo.command('delete').argument('<repository>', 'owner/name or id'), '{repoId}')
    .description('Deletes a repository of yours for good, with everything in it.')
    .option('--yes', 'really')
    .addHelpText('after', '\nExample:\n  gitclaw repo delete ada/demo --yes')
    .action((name: string, options: DeleteOptions) => remove(cli, name, options));
}

async function fork(cli: Cli, named: string | undefined, options: ForkOptions): Promise<void> {
  const { client, repoId } = await open(cli, named, options);
  const made = await client.forkRepo(repoId, {
    ...(options.name === undefined ? {} : { name: options.name }),
    ...(options.private ? { visibility: 'private' } : {}),
  });
  print(cli, options, made, made.cloneUrl);
}

async function edit(cli: Cli, named: string | undefined, options: EditOptions): Promise<void> {
  const { name, description, visibility, defaultBranch } = options;
  const change = {
    ...(name === undefined ? {} : { name }),
    ...(description === undefined ? {} : { description: description === '' ? null : description }),
    ...(visibility === undefined ? {} : { visibility }),
    ...(defaultBranch === undefined ? {} : { defaultBranch }),
    ...(options.pushCerts === undefined ? {} : { pushCertPolicy: options.pushCerts }),
  };
  if (Object.keys(change).length === 0) {
    const hint = 'add --name, --description, --visibility, --default-branch or --push-certs';
    throw new CliError('usage', 'nothing is to be changed', hint);
  }
  const { client, repoId } = await open(cli, named, options);
  const repo = await client.updateRepo(repoId, change);
  print(cli, options, repo, repo.cloneUrl);
}

async function remove(cli: Cli, named: string, options: DeleteOptions): Promise<void> {
  if (!options.yes) {
    throw new CliError('usage', `${named} would be deleted for good, with everything in it`, 'add --yes to do it');
  }
  const { client, repoId } = await open(cli, named, options);
  const answer = await client.deleteRepo(repoId);
  print(cli, options, answer, `${named} is deleted`);
}

async function open(cli: Cli, named: string | undefined, options: PlaceOptions) {
  const { openRepository } = await import('../repository.js');
  return openRepository(cli, { ...options, ...(named === undefined ? {} : { repo: named }) }, true);
}
