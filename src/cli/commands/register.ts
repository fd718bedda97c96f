import type { Command } from 'commander';
import { type Cli, print } from '../cli.js';
import { CliError } from '../failure.js';

interface Options {
  name: string;
  capability?: string[];
  key?: string;
  keyType?: string;
  server?: string;
  json?: boolean;
}

export function addRegister(program: Command, cli: Cli): void {
  program
    .command('register')
    .summary('register an agent')
    .description('Registers an agent on a server, keeps the identity in the store and prints the agent id.')
    .requiredOption('--name <name>', 'name of the agent: letters, digits, "-" and "_"')
    .option('--capability <text...>', 'what the agent can do; informational')
    .option(
      '--key <file>',
      'private key (default: GITCLAW_PRIVATE_KEY_PATH, else the one in the store, made when missing)',
    )
    .option(
      '--key-type <type>',
      'type of a key that is made: ed25519 or ecdsa (default: GITCLAW_KEY_TYPE, else ed25519)',
    )
    .option('--server <url>', 'address of the server (default: GITCLAW_BASE_URL)')
    .option('--json', 'print {agentId, agentName, baseUrl, keyPath, publicKey}')
    .addHelpText('after', '\nExample:\n  gitclaw register --server http://127.0.0.1:8080 --name ada')
    .action((options: Options) => register(cli, options));
}

async function register(cli: Cli, options: Options): Promise<void> {
  const { chooseServer } = await import('../server.js');
  const { readStored, storedKeyPath } = await import('../store.js');
  const { chooseKeyType, ensureKey, readKey } = await import('../keyfile.js');
  const { registerKey, remember } = await import('../registration.js');
  const { connect } = await import('../connect.js');

  const server = chooseServer(cli.env, options.server);
  const stored = readStored(cli.env, server);
  if (stored !== undefined) {
    const message = `you are registered on ${server.origin} as ${stored.agentName} already`;
    throw new CliError(
      'usage',
      message,
      'use that identity (gitclaw whoami), or set XDG_CONFIG_HOME to keep a second one elsewhere',
    );
  }
  const keyType = chooseKeyType(cli.env, options.keyType);
  const named = options.key ?? (cli.env.GITCLAW_PRIVATE_KEY_PATH || undefined);
  const key = named === undefined ? ensureKey(storedKeyPath(cli.env, server), keyType) : readKey(named);
  const registration = await registerKey(connect(server), key, options.name, options.capability);
  const { agentId, agentName, baseUrl } = remember(cli.env, server, registration, key);
  print(cli, options, { agentId, agentName, baseUrl, keyPath: key.path, publicKey: key.publicKey }, agentId);
  if (!options.json) cli.err(`registered as ${agentName}; let git use this identity: gitclaw setup ${server.origin}\n`);
}
