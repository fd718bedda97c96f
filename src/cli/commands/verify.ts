import type { Command } from 'commander';
import type { ExportReport, Finding } from '../../audit/index.js';
import { type Cli, print, table } from '../cli.js';
import { CliError } from '../failure.js';

interface Options {
  serverKey?: string;
  json?: boolean;
}

/** Findings that are printed; `--json` has more. */
const SHOWN = 20;

export function addVerify(program: Command, cli: Cli): void {
  program
    .command('verify')
    .argument('<file>', 'what `gitclaw audit export` or /v1/audit/export wrote')
    .summary('check an export of the audit log, offline')
    .description(
      'Checks an export of the audit log without a server: that chains are complete, every hash and link, every signature\n' +
        'of an agent with the key that was valid then, the certificates of signed pushes with the ref updates they ask for, and\n' +
        'the checkpoints of the server. Says where something is wrong.',
    )
    .option('--server-key <key>', 'public key of the server as you know it (it is in /v1/audit/checkpoints)')
    .option('--json', 'print the report')
    .action((file: string, options: Options) => verify(cli, file, options));
}

async function verify(cli: Cli, file: string, options: Options): Promise<void> {
  const { createReadStream } = await import('node:fs');
  const { resolve } = await import('node:path');
  const { splitLines, verifyExport } = await import('../../audit/index.js');
  const path = resolve(cli.cwd, file);
  const report = await verifyExport(splitLines(createReadStream(path, { highWaterMark: 1024 * 1024 })), {
    serverKey: options.serverKey,
  }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === undefined) throw error;
    throw new CliError('usage', `${path} cannot be read (${error.code})`, 'name a file that an export wrote');
  });
  print(cli, options, report, summary(report));
  if (report.ok) return;
  const count = report.problems.length;
  throw new CliError('refused', `the export is not as it was written: ${count} found`, 'do not rely on what it says');
}

function summary(report: ExportReport): string {
  const unsigned = Object.values(report.unsigned).reduce((sum, count) => sum + count, 0);
  const rows: [string, string][] = [
    ['server key', report.serverKey ?? 'none'],
    ['chains', String(report.chains)],
    ['events', `${report.events}, and ${report.hidden} as hashes only`],
    [
      'signatures',
      `${report.signatures} good, and ${report.certificates} push certificates; ${unsigned} events nobody signed`,
    ],
    ['checkpoints', `${report.checkpoints}, about ${report.checkpointedChains} of the chains`],
    ['result', report.ok ? 'everything fits' : `${report.problems.length} found`],
  ];
  return [table(rows), ...report.problems.slice(0, SHOWN).map(finding)].join('\n');
}

function finding({ line, problem, chainId, seq, eventId }: Finding): string {
  const place = [chainId && `chain ${chainId}`, seq !== null && `event ${seq}`, eventId].filter(Boolean).join(', ');
  return `line ${line}: ${problem}${place === '' ? '' : ` (${place})`}`;
}
