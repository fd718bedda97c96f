/** The `gitclaw` program: commands, help, and one place where failures become output. */
import { Command, CommanderError } from 'commander';
import type { Cli } from './cli.js';
import { addAccess } from './commands/access.js';
import { addAudit } from './commands/audit.js';
import { addCi } from './commands/ci.js';
import { addCredential } from './commands/credential.js';
import { addDoctor } from './commands/doctor.js';
import { addGc } from './commands/gc.js';
import { addKeygen } from './commands/keygen.js';
import { addMigrate } from './commands/migrate.js';
import { addMonitoring } from './commands/monitoring.js';
import { addOutbox } from './commands/outbox.js';
import { addPr } from './commands/pr/index.js';
import { addRebuild } from './commands/rebuild.js';
import { addReconcile } from './commands/reconcile.js';
import { addRegister } from './commands/register.js';
import { addRepo } from './commands/repo.js';
import { addRestoreCheck } from './commands/restore-check.js';
import { addServe } from './commands/serve.js';
import { addSetup } from './commands/setup.js';
import { addStar } from './commands/star.js';
import { addVerify } from './commands/verify.js';
import { addWebhook } from './commands/webhook.js';
import { addWhoami } from './commands/whoami.js';
import { addWorker } from './commands/worker.js';
import { EXIT, type ExitCode, explain, type Failure, render } from './failure.js';

const AFTER_HELP = `
Start:
  gitclaw setup http://127.0.0.1:8080
  git clone "$(gitclaw repo create demo)"

Environment: GITCLAW_AGENT_ID, GITCLAW_PRIVATE_KEY_PATH, GITCLAW_KEY_TYPE, GITCLAW_BASE_URL (they win over the store).
Exit codes: 0 done, 1 refused by the server, 2 wrong usage, 3 server not reached, 4 no usable identity.`;

/** Runs one command line. @returns the exit code; never throws */
export async function runCli(args: readonly string[], cli: Cli): Promise<ExitCode> {
  const program = new Command('gitclaw')
    .description('Work with a GitClaw server: a git server on which every change is signed.')
    .exitOverride()
    .configureOutput({ writeOut: cli.out, writeErr: cli.err, outputError: () => {} })
    .helpCommand(false)
    .addHelpText('after', AFTER_HELP);
  for (const add of COMMANDS) add(program, cli);
  try {
    await program.parseAsync(args, { from: 'user' });
    return EXIT.ok;
  } catch (error) {
    const failure = error instanceof CommanderError ? usage(error) : explain(error);
    if (failure === undefined) return EXIT.ok;
    if (failure.message !== '') cli.err(render(failure, args.includes('--json')));
    return failure.exitCode;
  }
}

const COMMANDS = [
  addSetup,
  addRepo,
  addPr,
  addCi,
  addStar,
  addAccess,
  addWebhook,
  addAudit,
  addVerify,
  addWhoami,
  addKeygen,
  addRegister,
  addCredential,
  addServe,
  addWorker,
  addMigrate,
  addOutbox,
  addMonitoring,
  addRebuild,
  addDoctor,
  addReconcile,
  addGc,
  addRestoreCheck,
] as const satisfies ((program: Command, cli: Cli) => void)[];

function usage(error: CommanderError): Failure | undefined {
  if (error.exitCode === 0) return undefined;
  // The help was printed instead of a message.
  const shown = error.code === 'commander.help';
  const [message = '', suggestion] = error.message.replace(/^error: /, '').split('\n');
  const hint = suggestion?.replace(/^\(|\)$/g, '') || 'add --help to see how it is used';
  return { exitCode: EXIT.usage, code: 'USAGE', message: shown ? '' : message, hint };
}
