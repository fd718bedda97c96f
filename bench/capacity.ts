/**
 * `npm run bench -- capacity [--agents 1000] [--push 40] [--cpuHour 0.04] ... [--costs FILE] [--output FILE]`:
 * what a number of agents needs, from costs measured now or read from a file that an earlier run wrote.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { type Costs, capacity, OPERATIONS, PRICES, USAGE } from './capacity/model.js';
import { report } from './capacity/report.js';
import { measureCosts } from './capacity/work.js';

const numbers = [...OPERATIONS, ...Object.keys(PRICES), 'agents'];
const { values } = parseArgs({
  options: Object.fromEntries([...numbers, 'costs', 'output'].map((name) => [name, { type: 'string' as const }])),
});
const overridden = <T extends object>(defaults: T): T =>
  Object.fromEntries(
    Object.entries(defaults).map(([name, value]) => [name, values[name] === undefined ? value : Number(values[name])]),
  ) as T;

const { agents } = overridden({ agents: 1000 });
const [usage, prices] = [overridden(USAGE), overridden(PRICES)];
const costs: Costs =
  typeof values.costs === 'string'
    ? JSON.parse(readFileSync(values.costs, 'utf8')).costs
    : await measureCosts((line) => console.log(line));
if (typeof values.output === 'string') {
  const machine = `${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}, Node ${process.version}`;
  writeFileSync(values.output, `${JSON.stringify({ date: new Date().toISOString(), machine, costs }, null, 2)}\n`);
}
console.log(report(costs, usage, agents, capacity(costs, usage, prices, agents)));
