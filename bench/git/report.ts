import type { Row } from './measure.js';

const number = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toPrecision(3));

/** The rows as a table in Markdown. */
export function table(rows: readonly Row[]): string {
  const lines = rows.map((row) => {
    const unit = row.unit === 's' ? ' s' : '/s';
    const wall = row.target?.ratio;
    const cpu = row.target?.cpu;
    const met = wall === undefined || (row.unit === 's' ? row.ratio <= wall : row.ratio >= wall);
    const cpuMet = cpu === undefined || row.cpuRatio <= cpu;
    const goal = (value: number | undefined) =>
      value === undefined ? '' : ` (${row.unit === 's' ? '≤' : '≥'} ${value})`;
    return `| ${row.work} | ${number(row.ours.value)}${unit} | ${number(row.peer.value)}${unit} | ${number(row.ratio)}${goal(wall)}${met ? '' : ' ✗'} | ${row.client === undefined ? '' : number(row.client)} | ${number(row.ours.p95)} / ${number(row.peer.p95)} | ${number(row.cpuRatio)}${cpu === undefined ? '' : ` (≤ ${cpu})`}${cpuMet ? '' : ' ✗'} |`;
  });
  return [
    '| work | ours | git http-backend | ratio (goal) | client alone | worst twentieth | server CPU ratio (goal) |',
    '|---|---|---|---|---|---|---|',
    ...lines,
  ].join('\n');
}
