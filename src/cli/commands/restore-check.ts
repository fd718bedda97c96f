import type { Command } from 'commander';
import type { RestoreReport } from '../../reconcile/index.js';
import { type Cli, print } from '../cli.js';
import { CliError } from '../failure.js';
import { withNode } from '../with-node.js';

interface Options {
  json?: boolean;
}

export function addRestoreCheck(program: Command, cli: Cli): void {
  program
    .command('restore-check')
    .summary('after a restore: do database and object store fit each other?')
    .description(
      'Names every ref of which an object is missing, every file of the catalog that is not in the object store, and every\n' +
        'pack that came after the dump. Run it before the server starts; it changes nothing. It is configured by the\n' +
        'environment variables of the server.',
    )
    .option('--json', 'print the report')
    .addHelpText('after', '\nExample:\n  pg_restore -d "$DATABASE_URL" gitclaw.dump && gitclaw restore-check')
    .action((options: Options) => restoreCheck(cli, options));
}

async function restoreCheck(cli: Cli, options: Options): Promise<void> {
  const { checkRestore } = await import('../../reconcile/index.js');
  await withNode(cli, async (ctx) => {
    const report = await checkRestore(ctx);
    print(cli, options, report, lines(report).join('\n'));
    if (report.ok) return;
    const { lostRefs, missingKeys, newerPacks } = report;
    throw new CliError(
      'refused',
      `database and object store do not fit: ${lostRefs.length} refs lost, ${missingKeys.length} files missing, ${newerPacks.length} packs newer than the dump`,
      lostRefs.length + missingKeys.length > 0
        ? 'restore the object versions of the time of the dump, or a dump that is as old as the objects'
        : 'what was pushed after the dump is not in the database: ask its agents to push again, or restore a newer dump',
    );
  });
}

function lines(report: RestoreReport): string[] {
  return [
    ...report.lostRefs.map(({ repository, refName, oid }) => `lost ref\t${repository}\t${refName}\t${oid}`),
    ...report.missingKeys.map((key) => `missing file\t${key}`),
    ...report.newerPacks.map(({ key, modifiedAt, bytes }) => `newer pack\t${key}\t${modifiedAt}\t${bytes}`),
    ...report.unknownRepositories.map((repoId) => `unknown repository\t${repoId}`),
    `${report.repositories} repositories with ${report.refs} refs looked at`,
  ];
}
