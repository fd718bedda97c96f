/** Options and arguments that many commands share, with one wording. */
import type { Command } from 'commander';
import { Option } from 'commander';

/** `--repo`, `--server` and `--json`. @param json what `--json` prints */
export function placeOptions(command: Command, json: string): Command {
  return serverOptions(
    command.option('-R, --repo <repository>', 'owner/name or id (default: where a git remote of this folder points)'),
    json,
  );
}

/** `--server` and `--json`. */
export function serverOptions(command: Command, json: string): Command {
  return command
    .option('--server <url>', 'address of the server (default: GITCLAW_BASE_URL, else the one you set up)')
    .option('--json', `print ${json}`);
}

/** An argument for a repository that may be left out. */
export function repositoryArgument(command: Command): Command {
  return command.argument('[repository]', 'owner/name or id (default: where a git remote of this folder points)');
}

export function choice(flags: string, description: string, values: readonly string[]): Option {
  return new Option(flags, description).choices(values);
}
