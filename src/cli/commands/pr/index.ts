import type { Command } from 'commander';
import type { Cli } from '../../cli.js';
import { addPrReads } from './read.js';
import { addPrWrites } from './write.js';

export function addPr(program: Command, cli: Cli): void {
  const pr = program
    .command('pr')
    .helpCommand(false)
    .summary('open, review and merge pull requests')
    .description(
      'Open, read, review and merge pull requests. A pull request is named by its id or number;\n' +
        'without one, the open one whose source is the branch of the current folder is meant.',
    );
  addPrWrites(pr, cli);
  addPrReads(pr, cli);
}
