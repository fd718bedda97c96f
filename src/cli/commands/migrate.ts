import type { Command } from 'commander';
import { type Cli, print } from '../cli.js';
import { withDatabaseUrl } from '../with-database.js';

interface Options {
  json?: boolean;
}

export function addMigrate(program: Command, cli: Cli): void {
  const group = program
    .command('migrate')
    .helpCommand(false)
    .description(
      'Bring the schema of the database up to date, or look at it (DATABASE_URL; unset = the embedded one).',
    );
  group
    .command('run')
    .description('Applies every migration that is missing.')
    .option('--json', 'print {"applied"}')
    .action((options: Options) =>
      withDatabaseUrl(cli, async (room, url) => {
        const applied = await room.migrate(url);
        print(cli, options, { applied }, applied.length > 0 ? `applied ${applied.join(', ')}` : 'up to date');
      }),
    );
  group
    .command('info')
    .description('Lists the migrations of this build, and when each was applied.')
    .option('--json', 'print an array')
    .action((options: Options) =>
      withDatabaseUrl(
        cli,
        async (room, url) => {
          const all = await room.migrationInfo(url);
          print(cli, options, all, all.map((one) => `${one.name}\t${one.applied ? 'applied' : 'missing'}`).join('\n'));
        },
        true,
      ),
    );
  group
    .command('revert')
    .description('Takes back the newest migration, with the data it holds.')
    .option('--json', 'print {"reverted"}')
    .action((options: Options) =>
      withDatabaseUrl(cli, async (room, url) => {
        const reverted = (await room.revertLast(url)) ?? null;
        print(cli, options, { reverted }, reverted === null ? 'nothing to revert' : `reverted ${reverted}`);
      }),
    );
}
