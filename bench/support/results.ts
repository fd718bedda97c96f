/** The results that are kept beside the code, one file per way of deployment. */
import { existsSync, readFileSync } from 'node:fs';
import type { Result } from './readme.js';

const FOLDER = new URL('../results/', import.meta.url);

export function readResults(): Result[] {
  return ['git-embedded.json', 'git-s3.json']
    .map((name) => new URL(name, FOLDER))
    .filter((file) => existsSync(file))
    .map((file) => JSON.parse(readFileSync(file, 'utf8')) as Result);
}
