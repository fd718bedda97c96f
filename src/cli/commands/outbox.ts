import type { Command } from 'commander';
import type { OutboxStatus } from '../../outbox/index.js';
import { type Cli, print } from '../cli.js';
import { CliError } from '../failure.js';
import { choice } from '../options.js';
import { withDatabase } from '../with-database.js';

interface ListOptions {
  status: OutboxStatus;
  topic?: string;
  limit: string;
  json?: boolean;
}

interface RetryOptions {
  all?: boolean;
  topic?: string;
  json?: boolean;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const MAX_ROWS = 1000;

export function addOutbox(program: Command, cli: Cli): void {
  const group = program
    .command('outbox')
    .helpCommand(false)
    .description(
      'Look at background work that failed, and have it tried again (DATABASE_URL; unset = the embedded one).',
    );
  group
    .command('list')
    .description('Lists events, newest first: id, topic, action, attempts and the last error, separated by tabs.')
    .addOption(
      choice('--status <status>', 'which', ['pending', 'processing', 'processed', 'dead_letter']).default(
        'dead_letter',
      ),
    )
    .option('--topic <topic>', 'only this topic, for example webhook')
    .option('--limit <number>', `how many, 1 to ${MAX_ROWS}`, '100')
    .option('--json', 'print an array')
    .action((options: ListOptions) => list(cli, options));
  group
    .command('retry')
    .argument('[id]', 'what to try again')
    .description('Puts a dead letter back in the queue, or all of them with --all.')
    .option('--all', 'every dead letter')
    .option('--topic <topic>', 'with --all: only of this topic')
    .option('--json', 'print {"retried"}')
    .action((id: string | undefined, options: RetryOptions) => retry(cli, id, options));
}

async function list(cli: Cli, options: ListOptions): Promise<void> {
  const { wholeNumber } = await import('../whole-number.js');
  const limit = wholeNumber(options.limit, '--limit', 1, MAX_ROWS);
  const { listOutbox } = await import('../../outbox/index.js');
  await withDatabase(cli, async (db) => {
    const { status, topic } = options;
    const { rows } = await listOutbox(db, { status, topic, limit, offset: 0 });
    const lines = rows.map(({ outboxId, topic, action, attempts, lastError }) =>
      [outboxId, topic, action, attempts, lastError ?? ''].join('\t'),
    );
    print(cli, options, rows, lines.join('\n'));
  });
}

async function retry(cli: Cli, id: string | undefined, options: RetryOptions): Promise<void> {
  if ((id === undefined) === !options.all || (id !== undefined && !UUID.test(id))) {
    throw new CliError(
      'usage',
      'say what to try again',
      'give the id of a dead letter (gitclaw outbox list), or --all',
    );
  }
  const { retryDeadLetter, retryDeadLetters } = await import('../../outbox/index.js');
  await withDatabase(cli, async (db) => {
    const retried =
      id === undefined ? await retryDeadLetters(db, options.topic) : Number(await retryDeadLetter(db, id));
    if (id !== undefined && retried === 0) {
      throw new CliError('refused', `${id} is no dead letter`, 'see what there is: gitclaw outbox list');
    }
    print(cli, options, { retried }, `${retried} will be tried again`);
  });
}
