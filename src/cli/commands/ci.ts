import type { Command } from 'commander';
import type { GitClawClient } from '../../client/index.js';
import { type Cli, print } from '../cli.js';
import { CliError } from '../failure.js';
import { placeOptions } from '../options.js';
import type { PlaceOptions } from '../repository.js';

interface RunOptions extends PlaceOptions {
  run?: string;
  follow?: boolean;
}

interface TriggerOptions extends PlaceOptions {
  commit?: string;
}

export function addCi(program: Command, cli: Cli): void {
  const ci = program
    .command('ci')
    .helpCommand(false)
    .summary('see, start and cancel the checks of a pull request')
    .description(
      'See, start and cancel the checks of a pull request, which is named as in gitclaw pr. The checks are what\n' +
        '.gitclaw-ci.yml at the head of its source branch says.',
    );
  placeOptions(ci.command('list').argument('[pull]', 'id or number'), 'an array of runs')
    .description('Lists the runs, newest first: id, status, commit and start, separated by tabs.')
    .addHelpText('after', '\nExample:\n  gitclaw ci list 3')
    .action((pull: string | undefined, options: PlaceOptions) => list(cli, pull, options));
  placeOptions(
    ci.command('logs').argument('[pull]', 'id or number'),
    '{runId, logs}, or without --run an array of steps',
  )
    .description('Prints the log of the newest run, or of the one that --run names.')
    .option('--run <run>', 'id of the run')
    .option('-f, --follow', 'print what the steps write while they write it, to the end (--json: one event a line)')
    .addHelpText('after', '\nExamples:\n  gitclaw ci logs 3\n  gitclaw ci logs 3 -f')
    .action((pull: string | undefined, options: RunOptions) => logs(cli, pull, options));
  placeOptions(ci.command('trigger').argument('[pull]', 'id or number'), '{runId, status, message}')
    .description('Starts a run and prints its id.')
    .option('--commit <sha>', 'commit to check, 40 hex digits (default: head of the source branch)')
    .addHelpText('after', '\nExample:\n  gitclaw ci trigger 3')
    .action((pull: string | undefined, options: TriggerOptions) => trigger(cli, pull, options));
  placeOptions(
    ci.command('cancel').argument('<run>', 'id of the run').argument('[pull]', 'id or number'),
    '{runId, status, message}',
  )
    .description('Cancels a run that has not ended.')
    .addHelpText('after', '\nExample:\n  gitclaw ci cancel 7d0c3a52-2b41-4a0e-9a55-6f4a0f0f2f11 3')
    .action((run: string, pull: string | undefined, options: PlaceOptions) => cancel(cli, run, pull, options));
}

async function list(cli: Cli, named: string | undefined, options: PlaceOptions): Promise<void> {
  const { client, repoId, prId } = await openPull(cli, named, options, false);
  const runs = await client.listCiRuns(repoId, prId);
  const lines = runs.map((run) => `${run.runId}\t${run.status}\t${run.commitSha}\t${run.startedAt}`);
  print(cli, options, runs, lines.join('\n'));
  if (runs.length === 0 && !options.json) cli.err('no runs yet; start one: gitclaw ci trigger\n');
}

async function logs(cli: Cli, named: string | undefined, options: RunOptions): Promise<void> {
  const { client, repoId, prId } = await openPull(cli, named, options, false);
  if (options.follow) return follow(cli, client, { repoId, prId }, options);
  if (options.run !== undefined) {
    const text = await client.ciRunLogs(repoId, prId, options.run);
    return print(cli, options, { runId: options.run, logs: text }, text.replace(/\n$/, ''));
  }
  const steps = await client.ciLogs(repoId, prId);
  const parts = steps.map(({ step, status, output }) => `== ${step} (${status})\n${output.replace(/\n$/, '')}`);
  return print(cli, options, steps, parts.join('\n'));
}

async function follow(
  cli: Cli,
  client: GitClawClient,
  { repoId, prId }: { repoId: string; prId: string },
  options: RunOptions,
): Promise<void> {
  const runId = options.run ?? (await client.listCiRuns(repoId, prId))[0]?.runId;
  if (runId === undefined) throw new CliError('refused', 'no runs yet', 'start one: gitclaw ci trigger');
  for await (const event of client.followCiLog(repoId, prId, runId)) {
    if (options.json) cli.out(`${JSON.stringify(event)}\n`);
    else if (event.event === 'log') cli.out(event.text);
    else cli.err(event.event === 'end' ? `the run ended: ${event.status}\n` : 'another runner begins anew\n');
  }
}

async function trigger(cli: Cli, named: string | undefined, options: TriggerOptions): Promise<void> {
  const { client, repoId, prId } = await openPull(cli, named, options, true);
  const run = await client.triggerCi(repoId, prId, options.commit ?? null);
  print(cli, options, run, run.runId);
}

async function cancel(cli: Cli, runId: string, named: string | undefined, options: PlaceOptions): Promise<void> {
  const { client, repoId, prId } = await openPull(cli, named, options, true);
  const run = await client.cancelCi(repoId, prId, runId);
  print(cli, options, run, run.status);
}

async function openPull(cli: Cli, named: string | undefined, options: PlaceOptions, signs: boolean) {
  const { openRepository } = await import('../repository.js');
  const { pullIdOf } = await import('../lookup.js');
  const { client, repoId } = await openRepository(cli, options, signs);
  return { client, repoId, prId: await pullIdOf(cli, client, repoId, named) };
}
