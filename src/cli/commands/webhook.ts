import type { Command } from 'commander';
import type { WebhookEventName } from '../../client/index.js';
import { type Cli, print } from '../cli.js';
import { CliError } from '../failure.js';
import { placeOptions } from '../options.js';
import type { PlaceOptions } from '../repository.js';

const EVENTS: readonly string[] = 'push pr_opened pr_reviewed pr_merged pr_closed ci_completed star'.split(' ');

interface AddOptions extends PlaceOptions {
  event?: string[];
  inactive?: boolean;
}

export function addWebhook(program: Command, cli: Cli): void {
  const group = program
    .command('webhook')
    .helpCommand(false)
    .summary('have a repository tell other servers what happens')
    .description('Have a repository tell other servers what happens. For admins of the repository.');
  placeOptions(group.command('add').argument('<url>', 'where events are sent'), 'the webhook with its secret')
    .description('Subscribes an address and prints the secret that signs deliveries; it is never shown again.')
    .option('-e, --event <name...>', `what to tell (default: all): ${EVENTS.join(', ')}`)
    .option('--inactive', 'send nothing yet')
    .addHelpText('after', '\nExample:\n  gitclaw webhook add https://example.com/hook --event push pr_merged')
    .action((url: string, options: AddOptions) => add(cli, url, options));
  placeOptions(group.command('list'), 'an array of webhooks')
    .description('Lists the webhooks: id, active or inactive, address and events, separated by tabs.')
    .action((options: PlaceOptions) => list(cli, options));
  placeOptions(group.command('remove').argument('<webhook>', 'id'), '{repoId, webhookId, action}')
    .description('Ends a subscription; what is not delivered yet never will be.')
    .action((webhookId: string, options: PlaceOptions) => remove(cli, webhookId, options));
  placeOptions(group.command('deliveries').argument('<webhook>', 'id'), 'an array of deliveries')
    .description(
      'Lists deliveries of the last seven days, newest first: id, event, status, attempts, status of the last answer and\n' +
        'what went wrong, separated by tabs.',
    )
    .action((webhookId: string, options: PlaceOptions) => deliveries(cli, webhookId, options));
  placeOptions(group.command('redeliver').argument('<webhook>', 'id').argument('<delivery>', 'id'), 'the new delivery')
    .description('Sends an event once more, as a delivery of its own, and prints its id.')
    .action((webhookId: string, deliveryId: string, options: PlaceOptions) =>
      redeliver(cli, webhookId, deliveryId, options),
    );
}

async function add(cli: Cli, url: string, options: AddOptions): Promise<void> {
  const events = options.event ?? EVENTS;
  const unknown = events.find((name) => !EVENTS.includes(name));
  if (unknown !== undefined) {
    throw new CliError('usage', `there is no event ${unknown}`, `the events are ${EVENTS.join(', ')}`);
  }
  const { client, repoId } = await open(cli, options);
  const wanted = { url, events: events as WebhookEventName[], active: options.inactive !== true };
  const hook = await client.createWebhook(repoId, wanted);
  print(cli, options, hook, `${hook.webhookId}\t${hook.secret}`);
}

async function list(cli: Cli, options: PlaceOptions): Promise<void> {
  const { client, repoId } = await open(cli, options);
  const { webhooks } = await client.listWebhooks(repoId);
  const lines = webhooks.map(({ webhookId, active, url, events }) =>
    [webhookId, active ? 'active' : 'inactive', url, events.join(',')].join('\t'),
  );
  print(cli, options, webhooks, lines.join('\n'));
}

async function remove(cli: Cli, webhookId: string, options: PlaceOptions): Promise<void> {
  const { client, repoId } = await open(cli, options);
  print(cli, options, await client.deleteWebhook(repoId, webhookId), `${webhookId} is removed`);
}

async function deliveries(cli: Cli, webhookId: string, options: PlaceOptions): Promise<void> {
  const { client, repoId } = await open(cli, options);
  const found = await client.listDeliveries(repoId, webhookId);
  const lines = found.deliveries.map(({ deliveryId, event, status, attempts, responseStatus, error }) =>
    [deliveryId, event, status, attempts, responseStatus ?? '', error ?? ''].join('\t'),
  );
  print(cli, options, found.deliveries, lines.join('\n'));
}

async function redeliver(cli: Cli, webhookId: string, deliveryId: string, options: PlaceOptions): Promise<void> {
  const { client, repoId } = await open(cli, options);
  const sent = await client.redeliver(repoId, webhookId, deliveryId);
  print(cli, options, sent, sent.deliveryId);
}

async function open(cli: Cli, options: PlaceOptions) {
  const { openRepository } = await import('../repository.js');
  return openRepository(cli, options, true);
}
