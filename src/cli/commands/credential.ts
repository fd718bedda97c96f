import type { Command } from 'commander';
import type { Cli } from '../cli.js';
import { type CredentialQuestion, formatAnswer, readQuestion } from '../credential-protocol.js';

/** Signatures live 300 s; git must stop offering a token before the server stops taking it. */
const TOKEN_LIFETIME_SECONDS = 270;

export function addCredential(program: Command, cli: Cli): void {
  program
    .command('credential')
    .argument('<operation>', 'get, store or erase')
    .summary('git credential helper')
    .description(
      'Speaks the credential helper protocol of git on stdin and stdout. git calls it; `gitclaw setup` configures that.\n' +
        '`get` signs a token for one repository that lives five minutes. `store` and `erase` do nothing: no token is ever kept.',
    )
    .option('--json', 'accepted for uniformity; the protocol of git decides what is printed')
    .addHelpText('after', exampleText)
    .action(async (operation: string) => {
      const question = await readQuestion(cli.stdin);
      if (operation === 'get') await get(cli, question);
    });
}

const exampleText = `
Example:
  printf 'protocol=http\\nhost=127.0.0.1:8080\\npath=ada/demo.git\\n\\n' | gitclaw credential get`;

async function get(cli: Cli, question: CredentialQuestion): Promise<void> {
  const server = serverOf(question);
  if (server === undefined) return;
  try {
    const answer = await sign(cli, server, question);
    if (answer !== undefined) cli.out(formatAnswer(answer));
  } catch (error) {
    // Without this git would go on to ask a person, and an agent would hang.
    cli.out(formatAnswer([['quit', '1']]));
    throw error;
  }
}

async function sign(cli: Cli, server: URL, question: CredentialQuestion): Promise<[string, string][] | undefined> {
  const { findIdentity } = await import('../identity.js');
  const identity = findIdentity(cli.env, server);
  if (identity === undefined) return undefined;
  const { agentId, agentName, key } = identity;
  if (question.username !== undefined && ![agentId, agentName].includes(question.username)) return undefined;

  const { repositoryOfPath, signGitToken } = await import('../../client/index.js');
  const repoId = question.path === undefined ? question.challenge.repo : repositoryOfPath(question.path);
  if (!repoId) {
    if (question.path === undefined)
      cli.err(`hint: git does not say which repository; run: gitclaw setup ${server.origin}\n`);
    return undefined;
  }
  // Older git does not say what it is about to do; the token that writes also reads.
  const service = question.challenge.service === 'git-upload-pack' ? 'git-upload-pack' : 'git-receive-pack';
  const token = signGitToken({ agentId, privateKey: key.privateKey, audience: server.host, repoId, service });
  if (question.takesAuthtype) {
    return [
      ['capability[]', 'authtype'],
      ['authtype', 'GitClaw'],
      ['credential', token],
      ['ephemeral', '1'],
    ];
  }
  return [
    ['username', agentId],
    ['password', token],
    ['password_expiry_utc', String(Math.floor(Date.now() / 1000) + TOKEN_LIFETIME_SECONDS)],
  ];
}

function serverOf({ protocol, host }: CredentialQuestion): URL | undefined {
  if ((protocol !== 'http' && protocol !== 'https') || host === '') return undefined;
  return URL.canParse(`${protocol}://${host}`) ? new URL(`${protocol}://${host}`) : undefined;
}
