import type { Command } from 'commander';
import { type Cli, print, table } from '../cli.js';

interface Options {
  server?: string;
  json?: boolean;
}

export function addWhoami(program: Command, cli: Cli): void {
  program
    .command('whoami')
    .summary('show the identity and prove it to the server')
    .description('Shows which agent signs for a server, after the server has accepted its signature.')
    .option('--server <url>', 'address of the server (default: GITCLAW_BASE_URL, else the one you set up)')
    .option('--json', 'print {agentId, agentName, baseUrl, publicKey, keyPath, source}')
    .addHelpText('after', '\nExample:\n  gitclaw whoami --json')
    .action((options: Options) => whoami(cli, options));
}

async function whoami(cli: Cli, options: Options): Promise<void> {
  const { chooseServer } = await import('../server.js');
  const { requireIdentity } = await import('../identity.js');
  const { connect } = await import('../connect.js');
  const server = chooseServer(cli.env, options.server);
  const identity = requireIdentity(cli.env, server);
  const client = connect(server, identity);
  const { agentId, agentName } = await client.agent(identity.agentId);
  // The cheapest signed read: anybody can look an agent up, only its key can ask this.
  await client.listRepos();
  const { publicKey, path: keyPath } = identity.key;
  const result = { agentId, agentName, baseUrl: server.origin, publicKey, keyPath, source: identity.source };
  const text = table([
    ['agent', `${agentName} (${agentId})`],
    ['server', server.origin],
    ['key', `${publicKey} (${keyPath})`],
    ['from', identity.source],
  ]);
  print(cli, options, result, text);
}
