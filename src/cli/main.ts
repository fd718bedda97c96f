#!/usr/bin/env node
import { fileURLToPath } from 'node:url';
import { runCli } from './program.js';

// A reader that goes away early (`gitclaw repo list | head -1`) is no error of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

process.exitCode = await runCli(process.argv.slice(2), {
  env: process.env,
  cwd: process.cwd(),
  stdin: process.stdin,
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  launcher: { node: process.execPath, flags: process.execArgv, script: fileURLToPath(import.meta.url) },
  stopRequested: () =>
    new Promise((resolve) => {
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
    }),
});
