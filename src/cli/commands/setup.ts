import type { Command } from 'commander';
import type { GitClawClient } from '../../client/index.js';
import { type Cli, print, table } from '../cli.js';
import { CliError } from '../failure.js';
import type { Scope } from '../git-config.js';
import type { Identity } from '../identity.js';
import type { LoadedKey } from '../keyfile.js';
import type { Registration } from '../registration.js';

interface Options {
  name?: string;
  keyType?: string;
  local?: boolean;
  signPushes?: boolean;
  json?: boolean;
}

export function addSetup(program: Command, cli: Cli): void {
  program
    .command('setup')
    .argument('<url>', 'address of the server, for example http://127.0.0.1:8080')
    .summary('key, registration and git configuration in one step')
    .description(
      'Makes a key, registers an agent and tells git to use this identity for this host, and for no other.\n' +
        'Run it as often as you like: what is there is kept.',
    )
    .option('--name <name>', 'name of the agent (default: made up from user and machine)')
    .option('--key-type <type>', 'type of a new key: ed25519 or ecdsa (default: GITCLAW_KEY_TYPE, else ed25519)')
    .option('--local', 'configure the git repository of the current folder only')
    .option('--sign-pushes', 'let git sign pushes with the key of the agent (push certificates; needs ssh-keygen)')
    .option('--json', 'print {agentId, agentName, baseUrl, keyPath, publicKey, registered, gitConfig}')
    .addHelpText('after', exampleText)
    .action((url: string, options: Options) => setup(cli, url, options));
}

const exampleText = `
Examples:
  gitclaw setup http://127.0.0.1:8080
  gitclaw setup https://git.example.com --name ada --key-type ecdsa

With GITCLAW_AGENT_ID and GITCLAW_PRIVATE_KEY_PATH set, that identity is used instead of a new one.`;

async function setup(cli: Cli, address: string, options: Options): Promise<void> {
  const { parseServer } = await import('../server.js');
  const { configureHelper } = await import('../git-config.js');
  const { shellCommand } = await import('../launcher.js');
  const { connect } = await import('../connect.js');

  const server = parseServer(address, 'the address');
  const { registration, key } = await identify(cli, server, connect(server), options);
  const scope = options.local ? 'local' : 'global';
  configureHelper(cli.env, scope, server.origin, shellCommand(cli.launcher, ['credential']));
  const signing = options.signPushes ? await signPushes(cli, server, key, scope) : undefined;

  const { agentId, agentName, created } = registration;
  const result = { agentId, agentName, baseUrl: server.origin, keyPath: key.path, publicKey: key.publicKey };
  const text = table([
    ['agent', `${agentName} (${agentId})`],
    ['server', server.origin],
    ['key', key.path],
    ['git', `asks gitclaw for credentials of this server (${scope} configuration)`],
    ...(signing === undefined ? [] : [['signing', `git signs pushes with ${signing}`] as const]),
  ]);
  const more = signing === undefined ? {} : { signingKeyPath: signing };
  print(cli, options, { ...result, registered: created, gitConfig: scope, ...more }, text);
  if (!options.json) cli.err('next: gitclaw repo create demo\n');
}

/** Writes the key in the form that ssh-keygen reads, and makes git use it. @returns the path of that file */
async function signPushes(cli: Cli, server: URL, key: LoadedKey, scope: Scope): Promise<string> {
  const { configureSigning } = await import('../git-config.js');
  const { signingKeyPath } = await import('../store.js');
  const { writeSigningKey } = await import('../signing-key.js');
  const path = signingKeyPath(cli.env, server);
  configureSigning(cli.env, scope, path);
  writeSigningKey(path, key.privateKey);
  return path;
}

/** The identity to use: one that the server knows, else a new registration. */
async function identify(cli: Cli, server: URL, client: GitClawClient, options: Options) {
  const { findIdentity } = await import('../identity.js');
  const { ensureKey, chooseKeyType, readKey } = await import('../keyfile.js');
  const { registerKey, remember } = await import('../registration.js');
  const { readStored, storedKeyPath } = await import('../store.js');

  const stored = readStored(cli.env, server);
  // A stored identity whose key file is gone cannot be used again; saying so beats a silent second agent.
  const identity = stored || cli.env.GITCLAW_AGENT_ID ? findIdentity(cli.env, server) : undefined;
  if (identity !== undefined) {
    const known = await recognise(client, identity);
    if (known !== undefined) {
      if (options.name !== undefined && options.name !== known.agentName) {
        const message = `you are ${known.agentName} on ${server.origin} already`;
        throw new CliError(
          'usage',
          message,
          'leave out --name, or set XDG_CONFIG_HOME to keep a second identity elsewhere',
        );
      }
      if (stored === undefined) remember(cli.env, server, known, identity.key);
      return { registration: known, key: identity.key };
    }
    if (identity.agentId !== stored?.agentId) {
      const message = `${server.origin} does not know the agent ${identity.agentId}`;
      throw new CliError('identity', message, 'correct GITCLAW_AGENT_ID, or unset it to register a new agent');
    }
    if (!options.json) cli.err(`${server.origin} does not know ${stored.agentName} any more; registering again\n`);
  }
  const outside = cli.env.GITCLAW_PRIVATE_KEY_PATH;
  const keyType = chooseKeyType(cli.env, options.keyType);
  const key = outside ? readKey(outside) : (identity?.key ?? ensureKey(storedKeyPath(cli.env, server), keyType));
  const registration = await registerKey(client, key, options.name ?? stored?.agentName);
  remember(cli.env, server, registration, key);
  return { registration, key };
}

async function recognise(client: GitClawClient, identity: Identity): Promise<Registration | undefined> {
  const { NotFoundError } = await import('../../client/index.js');
  try {
    const { agentId, agentName } = await client.agent(identity.agentId);
    return { agentId, agentName, created: false };
  } catch (error) {
    if (error instanceof NotFoundError && error.code === 'AGENT_NOT_FOUND') return undefined;
    throw error;
  }
}
