import type { Command } from 'commander';
import type { AppContext } from '../../context.js';
import type { Maintenance } from '../../jobs/index.js';
import { type Cli, print } from '../cli.js';
import { CliError } from '../failure.js';
import { withNode } from '../with-node.js';

interface Options {
  all?: boolean;
  json?: boolean;
}

interface Line extends Maintenance {
  repoId: string;
  name: string;
}

/** Repositories listed at a time. */
const PAGE = 100;

export function addGc(program: Command, cli: Cli): void {
  program
    .command('gc')
    .argument('[repo]', 'owner/name or id of a repository')
    .summary('merge packs and collect garbage now')
    .description(
      'Does for a repository, or for all, what nodes do by themselves when nobody pushes: merges packs, takes out what no\n' +
        'ref reaches, and removes what has waited long enough. Grace times hold as ever (GITCLAW_PACK_GRACE_SECS,\n' +
        'GITCLAW_GC_AFTER_SECS, GITCLAW_GC_GRACE_SECS): what waits, and until when, is told. For operators; servers may\n' +
        'run meanwhile, and it may be stopped at any time. It is configured by the environment variables of the server.',
    )
    .option('--all', 'every repository')
    .option('--json', 'print an array of {repoId, name, before, after, merges, outcome}')
    .addHelpText('after', '\nExamples:\n  gitclaw gc ada/demo\n  gitclaw gc --all --json')
    .action((repo: string | undefined, options: Options) => gc(cli, repo, options));
}

async function gc(cli: Cli, repo: string | undefined, options: Options): Promise<void> {
  if ((repo === undefined) === (options.all !== true))
    throw new CliError('usage', 'name one repository, or say --all', 'for example: gitclaw gc ada/demo');
  const { maintainRepository } = await import('../../jobs/index.js');
  const lines: Line[] = [];
  await withNode(cli, async (ctx) => {
    for await (const { repoId, name } of repo === undefined ? everyRepository(ctx) : named(ctx, repo)) {
      const line = { repoId, name, ...(await maintainRepository(ctx, repoId)) };
      lines.push(line);
      if (!options.json) cli.out(`${describe(line)}\n`);
    }
  });
  print(cli, options, lines, '');
  const left = lines.filter(({ outcome }) => outcome !== 'done').length;
  if (left > 0)
    throw new CliError(
      'refused',
      `${left} of ${lines.length} could not be finished`,
      'try again later; nodes do it too',
    );
}

async function* everyRepository(ctx: AppContext): AsyncGenerator<{ repoId: string; name: string }> {
  const { repositoryIdsAfter } = await import('../../catalog/index.js');
  const { findRepositoryById } = await import('../../repos/index.js');
  for (let ids = await repositoryIdsAfter(ctx.db, '', PAGE); ids.length > 0; ) {
    for (const repoId of ids) {
      const found = await findRepositoryById(ctx.db, repoId);
      // Deleted since the list was made.
      if (found !== undefined) yield { repoId, name: `${found.ownerName}/${found.name}` };
    }
    ids = await repositoryIdsAfter(ctx.db, ids.at(-1)!, PAGE);
  }
}

async function* named(ctx: AppContext, text: string): AsyncGenerator<{ repoId: string; name: string }> {
  const { findRepositoryById, findRepositoryByName } = await import('../../repos/index.js');
  const [, owner, name] = /^([^/]+)\/([^/]+?)(?:\.git)?$/.exec(text) ?? [];
  const found =
    owner !== undefined && name !== undefined
      ? await findRepositoryByName(ctx.db, owner, name)
      : await findRepositoryById(ctx.db, text);
  if (found === undefined)
    throw new CliError(
      'refused',
      `there is no repository ${JSON.stringify(text)}`,
      'name it as owner/name or by its id',
    );
  yield { repoId: found.repoId, name: `${found.ownerName}/${found.name}` };
}

const REASONS = {
  done: '',
  busy: '; another node had it in hand',
  later: '; pushes are in the way',
} as const;

function describe({ name, before, after, outcome }: Line): string {
  const parts = [`packs: ${before.packs} (${before.bytes} bytes) -> ${after.packs} (${after.bytes} bytes)`];
  if (after.waiting > 0) parts.push(`old packs: ${after.waiting}, the first goes ${iso(after.waitingUntil)}`);
  if (after.formerTips > 0)
    parts.push(`former tips of refs: ${after.formerTips}, the first counts until ${iso(after.formerTipsUntil)}`);
  return `${name}\t${parts.join('; ')}${REASONS[outcome]}`;
}

function iso(date: Date | undefined): string {
  return date?.toISOString() ?? 'the next round';
}
