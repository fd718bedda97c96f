import type { Command } from 'commander';
import type { Finding } from '../../doctor/index.js';
import { type Cli, print } from '../cli.js';
import { CliError } from '../failure.js';

interface Options {
  json?: boolean;
}

export function addDoctor(program: Command, cli: Cli): void {
  program
    .command('doctor')
    .summary('is everything there that a server needs?')
    .description(
      'Looks at the settings and at everything a server depends on: data folder, Postgres with its schema and clock,\n' +
        'object store, keys, isolation of CI runs, address. Says what to do where something is wrong. It is configured by\n' +
        'the environment variables of the server and .env in this folder; servers may run meanwhile.',
    )
    .option('--json', 'print an array of {subject, status, detail, hint}')
    .action((options: Options) => doctor(cli, options));
}

async function doctor(cli: Cli, options: Options): Promise<void> {
  const { examineAll } = await import('../../doctor/index.js');
  const findings = await examineAll(cli.env, cli.cwd);
  print(cli, options, findings, rows(findings).join('\n'));
  const failed = findings.filter(({ status }) => status === 'fail').length;
  if (failed > 0) throw new CliError('refused', `${failed} of ${findings.length} checks failed`, 'see the hints above');
}

function rows(findings: readonly Finding[]): string[] {
  const width = Math.max(...findings.map(({ subject }) => subject.length));
  return findings.flatMap(({ subject, status, detail, hint }) => [
    `${status.padEnd(4)}  ${subject.padEnd(width)}  ${detail}`,
    ...(hint === undefined ? [] : [`${' '.repeat(6 + width)}  ${hint}`]),
  ]);
}
