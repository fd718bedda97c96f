/**
 * Gives a test run its folder for an S3 server, which the first test that asks for a bucket starts (see s3.ts), and ends
 * that server with the run. A run that needs no bucket pays nothing; runs side by side have servers of their own.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { S3_RUN_VARIABLE } from './s3-server.js';

export function setup(): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'gitclaw-s3-'));
  process.env[S3_RUN_VARIABLE] = JSON.stringify({ folder, owner: process.pid });
  return () => {
    for (const group of startedGroups(folder)) {
      try {
        process.kill(-group, 'SIGKILL');
      } catch {
        // It has ended by itself.
      }
    }
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  };
}

function startedGroups(folder: string): number[] {
  try {
    return readFileSync(join(folder, 'groups'), 'utf8').trim().split('\n').map(Number);
  } catch {
    return [];
  }
}
