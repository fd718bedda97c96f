import type { Command } from 'commander';
import { type Cli, print } from '../cli.js';
import { CliError } from '../failure.js';

interface Options {
  keyType?: string;
  out?: string;
  server?: string;
  force?: boolean;
  json?: boolean;
}

export function addKeygen(program: Command, cli: Cli): void {
  program
    .command('keygen')
    .summary('make a signing key')
    .description(
      'Makes a private key (PKCS#8 PEM, mode 0600) and prints the public key in the form it is registered in.',
    )
    .option('--key-type <type>', 'ed25519 or ecdsa (default: GITCLAW_KEY_TYPE, else ed25519)')
    .option('--out <file>', "where to write (default: GITCLAW_PRIVATE_KEY_PATH, else the server's folder in the store)")
    .option('--server <url>', 'the server the key is for (default: GITCLAW_BASE_URL)')
    .option('--force', 'replace an existing key')
    .option('--json', 'print {path, keyType, publicKey}')
    .addHelpText(
      'after',
      '\nExamples:\n  gitclaw keygen --out agent.pem\n  gitclaw keygen --key-type ecdsa --out agent.pem --json',
    )
    .action((options: Options) => keygen(cli, options));
}

async function keygen(cli: Cli, options: Options): Promise<void> {
  const { chooseKeyType, createKey, readKey } = await import('../keyfile.js');
  const { chooseServer } = await import('../server.js');
  const { storedKeyPath } = await import('../store.js');
  const keyType = chooseKeyType(cli.env, options.keyType);
  const path =
    options.out ?? (cli.env.GITCLAW_PRIVATE_KEY_PATH || storedKeyPath(cli.env, chooseServer(cli.env, options.server)));
  if (!createKey(path, keyType, options.force)) {
    throw new CliError(
      'usage',
      `there is a file at ${path} already`,
      'name another one with --out, or replace it with --force',
    );
  }
  const { publicKey } = readKey(path);
  print(cli, options, { path, keyType, publicKey }, publicKey);
  if (!options.json) cli.err(`private key written to ${path}\n`);
}
