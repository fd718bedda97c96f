import { execFileSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

/** Keeps some of what it makes, so that helpers have something to do, and collects before the flag is set too. */
const program = (before: string) => `
  import { scavengeAlone } from '${new URL('./scavenges.ts', import.meta.url)}';
  const churn = () => { for (let i = 0, kept = []; i < 3e6; i++, kept.length > 2e5 && (kept = [])) kept.push({ i, of: [i] }); };
  churn();
  console.log('now', Math.ceil(process.uptime() * 1000));
  ${before}
  churn();`;

/**
 * Milliseconds that helpers worked on each collection of the young generation after "now", as V8 traces them. It writes
 * in blocks, so its own clock tells what came later; that starts after the one of the process.
 */
function helpersAtWork(before = ''): number[] {
  const flags = ['--import', 'tsx', '--trace-gc-nvp', '--input-type=module', '-e'];
  const cwd = fileURLToPath(new URL('.', import.meta.url));
  const trace = execFileSync(process.execPath, [...flags, program(before)], { cwd, encoding: 'utf8' });
  const now = Number(/now (\d+)/.exec(trace)?.[1]);
  const collections = trace.matchAll(/(\d+) ms: .* gc=s .*background\.scavenge\.parallel=([\d.]+)/g);
  return [...collections].filter(([, at]) => Number(at) > now).map(([, , ms]) => Number(ms));
}

it('leaves collections of the young generation to the thread they are for, without a restart', () => {
  const alone = helpersAtWork('scavengeAlone();');
  expect(alone.length).toBeGreaterThan(3);
  expect(Math.max(...alone)).toBe(0);
  if (availableParallelism() > 1) expect(Math.max(...helpersAtWork())).toBeGreaterThan(0);
});
