import { Argument, type Command } from 'commander';
import type { Cli } from '../cli.js';

const FILES = ['alerts', 'dashboard', 'prometheus'] as const;

export function addMonitoring(program: Command, cli: Cli): void {
  program
    .command('monitoring')
    .summary('print alert rules and a dashboard for the metrics of a server')
    .description(
      'Prints what is there for watching a server: alert rules for Prometheus, a dashboard for Grafana to import, or a\n' +
        'configuration of Prometheus to start from. The scrape job must be called "gitclaw".',
    )
    .addArgument(new Argument('<what>', 'which of them').choices(FILES))
    .addHelpText(
      'after',
      '\nExamples:\n  gitclaw monitoring alerts > alerts.yaml\n  gitclaw monitoring dashboard > gitclaw.json',
    )
    .action((what: (typeof FILES)[number]) => monitoring(cli, what));
}

async function monitoring(cli: Cli, what: (typeof FILES)[number]): Promise<void> {
  const { readMonitoringFile } = await import('../../monitoring/index.js');
  cli.out(await readMonitoringFile(what));
}
