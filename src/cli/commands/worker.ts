import type { Command } from 'commander';
import type { Cli } from '../cli.js';

interface Options {
  ci?: boolean;
}

export function addWorker(program: Command, cli: Cli): void {
  program
    .command('worker')
    .summary('do the background work of a server apart from it')
    .description(
      'Does background work on the database and object store of a server until SIGINT or SIGTERM: jobs, events and CI\n' +
        'runs. It is configured by the environment variables of the server, DATABASE_URL among them. With WORKER_PORT it\n' +
        'answers /metrics and /health there.',
    )
    .option('--ci', 'only CI runs; fails when no isolation (CI_DRIVER) works here')
    .addHelpText('after', '\nExample:\n  DATABASE_URL=postgres://... S3_BUCKET=... gitclaw worker --ci')
    .action((options: Options) => worker(cli, options));
}

async function worker(cli: Cli, { ci = false }: Options): Promise<void> {
  const { readConfig, withEnvFile } = await import('../../config.js');
  const { startWorker } = await import('../../worker.js');
  const running = await startWorker(readConfig(withEnvFile(cli.env, cli.cwd)), { ciOnly: ci });
  // Asked before anybody reads that it works and might stop it.
  const stop = cli.stopRequested();
  cli.out(ci ? 'GitClaw runs CI\n' : 'GitClaw works\n');
  if (running.url !== undefined) cli.out(`its health and metrics are at ${running.url}\n`);
  await stop;
  await running.stop();
}
