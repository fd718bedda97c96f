import type { Command } from 'commander';
import { type Cli, print, table } from '../cli.js';
import { withDatabase } from '../with-database.js';

interface Options {
  json?: boolean;
}

export function addRebuild(program: Command, cli: Cli): void {
  program
    .command('rebuild')
    .summary('recompute what follows from the audit log')
    .description(
      'Recomputes from the audit log what follows from it: reputation, stars with their counts, and trending scores.\n' +
        'For operators; servers may run meanwhile. DATABASE_URL; unset = the embedded one.',
    )
    .option('--json', 'print what was found')
    .action((options: Options) => withDatabase(cli, (db) => rebuild(cli, options, db)));
}

async function rebuild(cli: Cli, options: Options, db: import('../../db/index.js').Database): Promise<void> {
  const { rebuildReputation } = await import('../../reputation/index.js');
  const { rebuildStars } = await import('../../stars/index.js');
  const { rebuildTrending } = await import('../../trending/index.js');
  const reputation = await rebuildReputation(db);
  const stars = await rebuildStars(db);
  const trending = await rebuildTrending(db, await db.now());
  const rows: [string, string][] = [
    ['reputation', `${reputation.updates} changes replayed, ${reputation.corrected} scores corrected`],
    ['stars', `${stars.restored} restored, ${stars.removed} removed, ${stars.counts} counts corrected`],
    [
      'trending',
      Object.entries(trending)
        .map(([window, count]) => `${window} ${count}`)
        .join(', '),
    ],
  ];
  print(cli, options, { reputation, stars, trending }, table(rows));
}
