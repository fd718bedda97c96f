/** `npm run bench -- readme`: writes the figures of bench/results into README.md. */
import { readFileSync, writeFileSync } from 'node:fs';
import { withPerformance } from './support/readme.js';
import { readResults } from './support/results.js';

const readme = new URL('../README.md', import.meta.url);
writeFileSync(readme, withPerformance(readFileSync(readme, 'utf8'), readResults()));
