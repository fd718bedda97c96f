import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { withPerformance } from './readme.js';
import { readResults } from './results.js';

it('README shows the figures of the kept results and no others', () => {
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
  const results = readResults();
  expect(results.length).toBeGreaterThan(0);
  expect(withPerformance(readme, results)).toBe(readme);
});
