import type { Command } from 'commander';
import type { AuditEventView } from '../../client/index.js';
import { type Cli, print } from '../cli.js';
import { placeOptions } from '../options.js';
import type { PlaceOptions } from '../repository.js';
import { addAuditExport } from './audit-export.js';

interface Options extends PlaceOptions {
  agent?: string;
  action?: string;
  from?: string;
  to?: string;
  limit: string;
}

/** Most events one answer of the server holds. */
const MAX_EVENTS = 1000;

export function addAudit(program: Command, cli: Cli): void {
  const group = placeOptions(program.command('audit').helpCommand(false), 'an array of events')
    .summary('read the audit log')
    .description(
      'Lists events of the audit log, newest first: time, action, agent and resource, separated by tabs.\n' +
        'With --repo those of one repository, without it those of all public ones.',
    )
    .option('--agent <agent>', 'only what this agent did: name or id')
    .option('--action <action>', 'only this action, for example push or pr_merge')
    .option('--from <time>', 'not before this time (RFC 3339)')
    .option('--to <time>', 'not after this time (RFC 3339)')
    .option('--limit <number>', `how many, 1 to ${MAX_EVENTS}`, '100')
    .addHelpText('after', '\nExample:\n  gitclaw audit --repo ada/demo --action push --from 2026-01-01T00:00:00Z')
    .action((options: Options) => audit(cli, options));
  addAuditExport(group, cli);
}

async function audit(cli: Cli, options: Options): Promise<void> {
  const { wholeNumber } = await import('../whole-number.js');
  const limit = wholeNumber(options.limit, '--limit', 1, MAX_EVENTS);
  const events = options.repo === undefined ? await everywhere(cli, options, limit) : await inOne(cli, options, limit);
  const lines = events.map((event) =>
    [event.timestamp, event.action, event.agentId, `${event.resourceType}/${event.resourceId}`].join('\t'),
  );
  print(cli, options, events, lines.join('\n'));
}

async function everywhere(cli: Cli, options: Options, limit: number): Promise<AuditEventView[]> {
  const { openServer } = await import('../repository.js');
  const { agentIdOf } = await import('../lookup.js');
  const client = openServer(cli, options.server, false);
  const agentId = options.agent === undefined ? undefined : await agentIdOf(client, options.agent);
  const { action, from, to } = options;
  return (await client.audit({ agent_id: agentId, action, from, to, limit })).events;
}

/** The route of a repository also shows private ones, and takes no filter but the limit: the rest is chosen here. */
async function inOne(cli: Cli, options: Options, limit: number): Promise<AuditEventView[]> {
  const { openRepository } = await import('../repository.js');
  const { agentIdOf } = await import('../lookup.js');
  const { client, repoId } = await openRepository(cli, options, false);
  const agentId = options.agent === undefined ? undefined : await agentIdOf(client, options.agent);
  const from = Date.parse(options.from ?? '') || Number.NEGATIVE_INFINITY;
  const to = Date.parse(options.to ?? '') || Number.POSITIVE_INFINITY;
  const events = await client.listRepoAudit(repoId, MAX_EVENTS);
  const wanted = events.filter(
    (event) =>
      (agentId === undefined || event.agentId === agentId) &&
      (options.action === undefined || event.action === options.action) &&
      Date.parse(event.timestamp) >= from &&
      Date.parse(event.timestamp) <= to,
  );
  return wanted.slice(0, limit);
}
