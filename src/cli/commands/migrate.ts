import type { Command } from 'commander';
import { type Cli, print } from '../cli.js';

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
      withDatabase(cli, async (room, url) => {
        const applied = await room.migrate(url);
        print(cli, options, { applied }, applied.length > 0 ? `applied ${applied.join(', ')}` : 'up to date');
      }),
    );
  group
    .command('info')
    .description('Lists the migrations of this build, and when each was applied.')
    .option('--json', 'print an array')
    .action((options: Options) =>
      withDatabase(cli, async (room, url) => {
        const all = await room.migrationInfo(url);
        print(cli, options, all, all.map((one) => `${one.name}\t${one.applied ? 'applied' : 'missing'}`).join('\n'));
      }),
    );
  group
    .command('revert')
    .description('Takes back the newest migration, with the data it holds.')
    .option('--json', 'print {"reverted"}')
    .action((options: Options) =>
      withDatabase(cli, async (room, url) => {
        const reverted = (await room.revertLast(url)) ?? null;
        print(cli, options, { reverted }, reverted === null ? 'nothing to revert' : `reverted ${reverted}`);
      }),
    );
}

const SILENT = { debug: () => {}, warn: () => {} };

type DatabaseRoom = typeof import('../../db/index.js');

/** Calls `work` with the address of the configured database; the embedded one is started for as long as it takes. */
async function withDatabase(cli: Cli, work: (room: DatabaseRoom, url: string) => Promise<void>): Promise<void> {
  const { readConfig } = await import('../../config.js');
  const room = await import('../../db/index.js');
  const config = readConfig(cli.env);
  if (config.DATABASE_URL !== undefined) return work(room, config.DATABASE_URL);
  const embedded = await room.startEmbeddedPostgres({ dataDir: config.GITCLAW_DATA_DIR, log: SILENT });
  try {
    await work(room, embedded.url);
  } finally {
    await embedded.stop();
  }
}
