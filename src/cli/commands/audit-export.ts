import type { Command } from 'commander';
import { type Cli, print } from '../cli.js';
import { CliError } from '../failure.js';
import { withDatabase } from '../with-database.js';

interface Options {
  output: string;
  repo?: string;
  json?: boolean;
}

export function addAuditExport(group: Command, cli: Cli): void {
  group
    .command('export')
    .description(
      'Writes the whole audit log, or the chain of one repository (--repo ID), from the database to a file that\n' +
        '`gitclaw verify` checks. For operators: DATABASE_URL; unset = the embedded one. What a server shows to everybody\n' +
        'is at /v1/audit/export in the same form.',
    )
    .requiredOption('-o, --output <file>', 'file to write; it must not exist')
    .addHelpText('after', '\nExample:\n  gitclaw audit export --output audit.jsonl && gitclaw verify audit.jsonl')
    // --repo and --json belong to `audit`, which reads them wherever they stand.
    .action((_own: object, command: Command) => exportTo(cli, command.optsWithGlobals<Options>()));
}

async function exportTo(cli: Cli, options: Options): Promise<void> {
  const { open } = await import('node:fs/promises');
  const { resolve } = await import('node:path');
  const { exportAudit } = await import('../../audit/index.js');
  const path = resolve(cli.cwd, options.output);
  const file = await open(path, 'wx', 0o600).catch((cause: NodeJS.ErrnoException) => {
    throw new CliError('usage', `${path} cannot be written (${cause.code})`, 'name a file that does not exist yet');
  });
  let lines = 0;
  try {
    await withDatabase(cli, async (db) => {
      const chainId = options.repo;
      const hideAfter = new Date(0);
      for await (const line of exportAudit(db, { chainId, admin: true, hideAfter, writeCursor: JSON.stringify })) {
        await file.write(line);
        lines += 1;
      }
    });
    await file.sync();
  } finally {
    await file.close();
  }
  print(cli, options, { output: path, lines }, `${lines} lines in ${path}`);
}
