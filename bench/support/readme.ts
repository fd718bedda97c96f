/** The Performance section of README.md, made from result files, so that no figure in it was typed by hand. */
import type { Row } from '../git/measure.js';
import { table } from '../git/report.js';

export interface Result {
  /** ISO 8601. */
  date: string;
  machine: string;
  driver: 'embedded' | 's3';
  rows: Row[];
  /** Of all our processes while the largest first push was received. */
  peakBytes?: number;
}

const BEGIN = '<!-- performance: written by `npm run bench -- readme` -->';
const END = '<!-- end of performance -->';

const PLACES = {
  embedded: 'Embedded Postgres and files, as `npm start` runs it',
  s3: 'S3 and an external Postgres on the same machine; their own processor time is not counted',
};

export function performanceSection(results: readonly Result[]): string {
  return results
    .map(({ date, machine, driver, rows, peakBytes }) => {
      const peak =
        peakBytes === undefined
          ? ''
          : `\n\nPeak memory of all processes while the largest first push came in: ${Math.round(peakBytes / 2 ** 20)} MiB.`;
      return `${PLACES[driver]} (${date.slice(0, 10)}, ${machine}):\n\n${table(rows)}${peak}`;
    })
    .join('\n\n');
}

/** @throws Error when the text has no place for the section */
export function withPerformance(readme: string, results: readonly Result[]): string {
  const [from, to] = [readme.indexOf(BEGIN), readme.indexOf(END)];
  if (from < 0 || to < from) throw new Error('README.md has no marks for the performance section');
  return `${readme.slice(0, from + BEGIN.length)}\n\n${performanceSection(results)}\n\n${readme.slice(to)}`;
}
