/** The `gitclaw` program, from its sources, inside the home of a git sandbox. */
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { runCli } from '../../src/cli/program.js';
import { type GitOptions, type GitResult, type GitSandbox, run } from './git.js';

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

/** `--import tsx` by address, so that it is found from every working folder. */
const LOADER = import.meta.resolve('tsx');

type CliResult = Pick<GitResult, 'code' | 'stdout' | 'stderr'>;

/** Runs `gitclaw ...args` as a process of its own; a failure is a result, not an exception. */
export function gitclawProcess(
  sandbox: GitSandbox,
  args: readonly string[],
  options: GitOptions = {},
): Promise<GitResult> {
  return run(process.execPath, ['--import', LOADER, MAIN, ...args], {
    cwd: sandbox.root,
    ...options,
    env: { ...sandbox.env, ...options.env },
  });
}

/** The same within this process, which spares half a second of loading per call. */
export async function gitclaw(
  sandbox: GitSandbox,
  args: readonly string[],
  options: {
    env?: Record<string, string | undefined>;
    /** Default: the sandbox's root. */
    cwd?: string;
    input?: string;
    /** Called with each piece of standard output. */
    onOut?: (text: string) => void;
    /** Resolves when `serve` is to end; default at once. */
    stop?: Promise<void>;
  } = {},
): Promise<CliResult> {
  const result = { code: 0, stdout: '', stderr: '' };
  result.code = await runCli(args, {
    env: { ...sandbox.env, ...options.env },
    cwd: options.cwd ?? sandbox.root,
    stdin: Readable.from(options.input === undefined ? [] : [options.input]),
    out: (text) => {
      result.stdout += text;
      options.onOut?.(text);
    },
    err: (text) => {
      result.stderr += text;
    },
    launcher: { node: process.execPath, flags: ['--import', LOADER], script: MAIN },
    stopRequested: () => options.stop ?? Promise.resolve(),
  });
  return result;
}
