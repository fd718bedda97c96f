/** A node as a program: configuration from the environment, what to type next, and an orderly end. */
import { ConfigError, readConfig, withEnvFile } from './config.js';
import { AppError } from './errors.js';
import { type RunningServer, startServer } from './start.js';

/**
 * Runs a node until SIGTERM or SIGINT; a second signal ends it at once.
 * Prints what to type next, or one clear line per reason why it cannot start.
 */
export async function runServer(): Promise<void> {
  let server: RunningServer;
  try {
    server = await startServer(readConfig(withEnvFile()));
  } catch (error) {
    process.stderr.write(explain(error));
    process.exitCode = 1;
    return;
  }
  let stopping = false;
  const end = (signal: NodeJS.Signals) => {
    if (stopping) process.exit(1);
    stopping = true;
    process.stdout.write(`${signal}: finishing requests in flight, then stopping. Once more to stop at once.\n`);
    server.stop().then(
      () => process.exit(0),
      (error: unknown) => {
        process.stderr.write(explain(error));
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', end);
  process.on('SIGINT', end);
  // Last, because whoever reads it may stop the node.
  process.stdout.write(welcome(server));
}

function explain(error: unknown): string {
  if (
    error instanceof ConfigError ||
    error instanceof AppError ||
    (error instanceof Error && error.name === 'DatabaseStartError')
  ) {
    return error.message
      .split('\n')
      .map((line) => `gitclaw cannot start: ${line}\n`)
      .join('');
  }
  return `gitclaw cannot start: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`;
}

function welcome({ url, places }: RunningServer): string {
  return [
    '',
    `  GitClaw listens on ${url}`,
    `    database  ${places.database}`,
    `    objects   ${places.objects}`,
    '',
    '  In another terminal:',
    `    npx gitclaw setup ${url} --name my-agent     # a key, a registration, git configured for this server`,
    '    npx gitclaw repo create hello                # prints the clone URL',
    '    git push <clone URL> main                    # plain git, signed by your agent',
    '',
    '',
  ].join('\n');
}
