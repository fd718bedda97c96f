import type { Command } from 'commander';
import type { CheckResult } from '../../reconcile/index.js';
import { type Cli, print } from '../cli.js';
import { CliError } from '../failure.js';
import { withNode } from '../with-node.js';

interface Options {
  fix?: boolean;
  json?: boolean;
}

/** Findings that are printed of each check; `--json` has all. */
const SHOWN = 20;

export function addReconcile(program: Command, cli: Cli): void {
  program
    .command('reconcile')
    .argument('[checks...]', 'star_count, pr_state_invariants, ref_consistency, storage_comparison, storage_scrub')
    .summary('compare what the server says of itself with what is there')
    .description(
      'Runs the checks that nodes run by themselves, now and over everything (storage_scrub: a part of the objects), and\n' +
        'prints what they find; it goes to the audit log too. For operators; servers may run meanwhile. It is configured\n' +
        'by the environment variables of the server.',
    )
    .option('--fix', 'correct wrong star counts; nothing else is changed')
    .option('--json', 'print an array of {check_type, started_at, completed_at, drifts_found, items_checked, fixed}')
    .addHelpText('after', '\nExamples:\n  gitclaw reconcile\n  gitclaw reconcile ref_consistency --json')
    .action((names: string[], options: Options) => reconcile(cli, names, options));
}

async function reconcile(cli: Cli, names: string[], options: Options): Promise<void> {
  const { CHECKS, reconcileNow } = await import('../../reconcile/index.js');
  const unknown = names.find((name) => !CHECKS.some((check) => check.type === name));
  if (unknown !== undefined) {
    const known = CHECKS.map((check) => check.type).join(', ');
    throw new CliError('usage', `there is no check ${unknown}`, `the checks are ${known}`);
  }
  const chosen = CHECKS.filter((check) => names.length === 0 || names.includes(check.type));
  const results: CheckResult[] = [];
  await withNode(cli, async (ctx) => {
    const { signal } = new AbortController();
    for (const check of chosen) {
      results.push(await reconcileNow(ctx, check, { fix: options.fix === true, stop: signal }));
    }
  });
  print(cli, options, results, results.map(summary).join('\n'));
  const left = results.reduce((sum, { drifts_found, fixed }) => sum + drifts_found.length - fixed, 0);
  if (left > 0)
    throw new CliError('refused', `drift detected: ${left} found`, 'each is in the audit log with its details');
}

function summary({ check_type, drifts_found, items_checked, fixed }: CheckResult): string {
  const corrected = fixed > 0 ? `, ${fixed} corrected` : '';
  const head = `${check_type}\t${items_checked} checked, ${drifts_found.length} found${corrected}`;
  return [head, ...drifts_found.slice(0, SHOWN).map((drift) => `  ${JSON.stringify(drift)}`)].join('\n');
}
