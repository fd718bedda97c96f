/** `npm run bench -- git [--s3] [--sizes small,medium,large] [--only 'TEXT|TEXT']` */
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { benchGit } from './git/index.js';
import { lagLines } from './git/lag.js';
import { table } from './git/report.js';
import type { Size } from './git/repositories.js';

const { values } = parseArgs({
  options: { s3: { type: 'boolean' }, sizes: { type: 'string' }, only: { type: 'string' }, output: { type: 'string' } },
});
const driver = values.s3 ? 's3' : 'embedded';
const sizes = (values.sizes ?? 'small,medium,large').split(',') as Size[];
const { rows, lags, peakBytes } = await benchGit({
  driver,
  sizes,
  ...(values.only !== undefined && { only: values.only.split('|') }),
  log: (line) => console.log(line),
});
console.log(`\n${table(rows)}\n\n${lagLines(lags)}`);
if (peakBytes !== undefined) console.log(`\npeak memory of our processes: ${Math.round(peakBytes / 2 ** 20)} MiB`);
if (values.output !== undefined) {
  const machine = `${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}, Node ${process.version}`;
  writeFileSync(
    values.output,
    `${JSON.stringify({ date: new Date().toISOString(), machine, driver, rows, lags, peakBytes }, null, 2)}\n`,
  );
}
