import { type Capacity, type Costs, OPERATIONS, PEAK_FACTOR, type Usage } from './model.js';

const short = (value: number): string => {
  if (value === 0) return '0';
  if (Math.abs(value) >= 1e9) return `${(value / 1e9).toFixed(1)} G`;
  if (Math.abs(value) >= 1e6) return `${(value / 1e6).toFixed(1)} M`;
  if (Math.abs(value) >= 1e4) return `${(value / 1e3).toFixed(0)} k`;
  return Math.abs(value) >= 10 ? value.toFixed(0) : value.toPrecision(2);
};

/** The costs and what follows from them, as tables in Markdown. */
export function report(costs: Costs, usage: Usage, agents: number, { perDay, peak, monthly }: Capacity): string {
  const rows = OPERATIONS.map((name) => {
    const cost = costs[name];
    return `| ${name} | ${usage[name]} | ${(cost.cpu * 1000).toFixed(1)} | ${short(cost.requests)} | ${short(cost.puts)} / ${short(cost.gets)} | ${short(cost.rows)} | ${short(cost.databaseBytes)} | ${short(cost.storedBytes)} | ${short(cost.sentBytes)} |`;
  });
  return `| one | a day and agent | node CPU ms | requests | S3 writes / reads | rows | database bytes | S3 bytes | sent bytes |
|---|---|---|---|---|---|---|---|---|
${rows.join('\n')}

${agents} agents a day: ${short(perDay.requests)} requests, ${short(usage.push * agents)} pushes, ${short(perDay.puts)} S3 writes and ${short(perDay.gets)} reads,
${short(perDay.rows)} rows, ${short(perDay.databaseBytes)}B database, ${short(perDay.storedBytes)}B stored, ${short(perDay.sentBytes)}B sent, ${(perDay.cpu / 3600).toFixed(1)} processor hours of nodes.
Busiest hour (${PEAK_FACTOR} times the average): ${peak.operations.toFixed(1)} operations/s, ${peak.pushes.toFixed(2)} pushes/s, ${peak.cores.toFixed(2)} cores.
A month: S3 calls ${monthly.requests.toFixed(0)}, S3 storage ${monthly.stored.toFixed(0)}, traffic ${monthly.sent.toFixed(0)}, processors ${monthly.cpu.toFixed(0)}, database storage ${monthly.database.toFixed(0)}; together ${monthly.total.toFixed(0)}.`;
}
