import type { Command } from 'commander';
import type { Cli } from '../cli.js';

interface Options {
  host?: string;
  port?: string;
  json?: boolean;
}

export function addServe(program: Command, cli: Cli): void {
  program
    .command('serve')
    .summary('run a server')
    .description(
      'Runs a GitClaw server until SIGINT or SIGTERM. It is configured by environment variables, and by\n.env in this folder.',
    )
    .option('--host <address>', 'address to listen on (default: HOST, else 127.0.0.1)')
    .option('--port <number>', 'port to listen on, 0 = a free one (default: PORT, else 8080)')
    .option('--json', 'print {"url"} once the server is ready')
    .addHelpText(
      'after',
      '\nExamples:\n  gitclaw serve\n  DATABASE_URL=postgres://... gitclaw serve --host 0.0.0.0 --port 8080',
    )
    .action((options: Options) => serve(cli, options));
}

async function serve(cli: Cli, options: Options): Promise<void> {
  const { readConfig, withEnvFile } = await import('../../config.js');
  const { startServer } = await import('../../start.js');
  const flags = { ...(options.host ? { HOST: options.host } : {}), ...(options.port ? { PORT: options.port } : {}) };
  const config = readConfig({ ...withEnvFile(cli.env, cli.cwd), ...flags });
  const server = await startServer(config);
  // Asked before anybody reads that it listens and might stop it.
  const stop = cli.stopRequested();
  cli.out(options.json ? `${JSON.stringify({ url: server.url })}\n` : `GitClaw listens on ${server.url}\n`);
  if (!options.json) cli.err(`next, in another terminal: gitclaw setup ${server.url}\n`);
  await stop;
  await server.stop();
}
