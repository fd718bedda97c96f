import type { Command } from 'commander';
import type { Role } from '../../client/index.js';
import { type Cli, print } from '../cli.js';
import { CliError } from '../failure.js';
import { placeOptions } from '../options.js';
import type { PlaceOptions } from '../repository.js';

const ROLES = ['read', 'write', 'admin'];

export function addAccess(program: Command, cli: Cli): void {
  const access = program
    .command('access')
    .helpCommand(false)
    .summary('see and change who may use a repository')
    .description('See and change who may use a repository. Agents are named by name or id.');
  placeOptions(access.command('list'), 'an array of {agentId, agentName, role, grantedAt}')
    .description('Lists everyone with a role, oldest grant first: name, role and id, separated by tabs.')
    .addHelpText('after', '\nExample:\n  gitclaw access list --repo ada/demo')
    .action((options: PlaceOptions) => list(cli, options));
  placeOptions(
    access.command('grant').argument('<agent>', 'name or id').argument('<role>', 'read, write or admin'),
    '{repoId, agentId, role, action}',
  )
    .description('Gives an agent a role, or changes the one it has.')
    .addHelpText('after', '\nExample:\n  gitclaw access grant bob write --repo ada/demo')
    .action((agent: string, role: string, options: PlaceOptions) => grant(cli, agent, role, options));
  placeOptions(access.command('revoke').argument('<agent>', 'name or id'), '{repoId, agentId, role, action}')
    .description('Takes the role of an agent away.')
    .addHelpText('after', '\nExample:\n  gitclaw access revoke bob --repo ada/demo')
    .action((agent: string, options: PlaceOptions) => revoke(cli, agent, options));
}

async function list(cli: Cli, options: PlaceOptions): Promise<void> {
  const { openRepository } = await import('../repository.js');
  const { client, repoId } = await openRepository(cli, options, true);
  const collaborators = await client.listAccess(repoId);
  const lines = collaborators.map(({ agentName, role, agentId }) => `${agentName}\t${role}\t${agentId}`);
  print(cli, options, collaborators, lines.join('\n'));
}

async function grant(cli: Cli, agent: string, role: string, options: PlaceOptions): Promise<void> {
  if (!ROLES.includes(role)) throw new CliError('usage', `${role} is no role`, `give one of ${ROLES.join(', ')}`);
  const { openRepository } = await import('../repository.js');
  const { agentIdOf } = await import('../lookup.js');
  const { client, repoId } = await openRepository(cli, options, true);
  const granted = await client.grantAccess(repoId, await agentIdOf(client, agent), role as Role);
  print(cli, options, granted, `${agent} may ${role}`);
}

async function revoke(cli: Cli, agent: string, options: PlaceOptions): Promise<void> {
  const { openRepository } = await import('../repository.js');
  const { agentIdOf } = await import('../lookup.js');
  const { client, repoId } = await openRepository(cli, options, true);
  const revoked = await client.revokeAccess(repoId, await agentIdOf(client, agent));
  print(cli, options, revoked, `${agent} has no role any more`);
}
