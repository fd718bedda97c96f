/** The real git binary in a home of its own, so that neither the machine's configuration nor another test can leak in. */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { type HistoryOptions, historyStream } from './git-history.js';

export type { HistoryOptions } from './git-history.js';

export interface GitOptions {
  /** Default: the sandbox's root. */
  cwd?: string;
  input?: string | Uint8Array | Readable;
  /** Added to the sandbox's environment; `undefined` removes a variable. */
  env?: Record<string, string | undefined>;
  /** `false` hands a failure back as its exit code; otherwise it is thrown. Default true. */
  ok?: boolean;
}

export interface GitResult {
  code: number;
  stdout: string;
  stderr: string;
  /** Standard output as bytes, for packs and blobs. */
  bytes: Buffer;
}

export interface SeededRepository {
  dir: string;
  /** Commit id of `main`. */
  head: string;
  /** Full ref name to object id (a tag object's own id, not the peeled one). */
  refs: Map<string, string>;
}

export class GitSandbox {
  readonly root: string;
  readonly home: string;
  /** File behind `git config --global`. */
  readonly globalConfig: string;
  readonly env: Record<string, string>;
  #seeded = 0;

  constructor() {
    this.root = mkdtempSync(join(tmpdir(), 'gitclaw-git-'));
    this.home = join(this.root, 'home');
    this.globalConfig = join(this.home, 'gitconfig');
    mkdirSync(this.home);
    writeFileSync(
      this.globalConfig,
      '[user]\n\tname = Test Agent\n\temail = agent@example.com\n[init]\n\tdefaultBranch = main\n[gc]\n\tauto = 0\n[advice]\n\tdetachedHead = false\n',
    );
    this.env = {
      PATH: process.env.PATH ?? '',
      LC_ALL: 'C',
      TZ: 'UTC',
      HOME: this.home,
      XDG_CONFIG_HOME: join(this.home, '.config'),
      GIT_CONFIG_GLOBAL: this.globalConfig,
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_TERMINAL_PROMPT: '0',
      GIT_ASKPASS: '',
      SSH_ASKPASS: '',
    };
  }

  /** A path below the sandbox. */
  path(...parts: string[]): string {
    return join(this.root, ...parts);
  }

  /** Runs `git ...args`. @throws Error with git's stderr when it fails, unless `ok` is false */
  async git(args: readonly string[], options: GitOptions = {}): Promise<GitResult> {
    const result = await run('git', args, { cwd: this.root, ...options, env: { ...this.env, ...options.env } });
    if (options.ok !== false && result.code !== 0) {
      throw new Error(`git ${args.join(' ')} ended with ${result.code}\n${result.stderr}${result.stdout}`);
    }
    return result;
  }

  /**
   * A new repository (`main` checked out unless `bare`) whose history depends on the options alone: the same seed gives
   * the same object ids on every machine.
   */
  async seedHistory(options: HistoryOptions & { dir?: string; bare?: boolean } = {}): Promise<SeededRepository> {
    this.#seeded += 1;
    const dir = options.dir ?? this.path(`seeded-${this.#seeded}`);
    await this.git(['init', '-q', '-b', 'main', ...(options.bare ? ['--bare'] : []), dir]);
    await this.git(['fast-import', '--quiet'], { cwd: dir, input: Readable.from(historyStream(options)) });
    if (!options.bare) await this.git(['reset', '-q', '--hard', 'main'], { cwd: dir });
    const refs = await this.refs(dir);
    return { dir, head: refs.get('refs/heads/main') ?? '', refs };
  }

  /** Every ref of a local repository, by full name. */
  async refs(dir: string): Promise<Map<string, string>> {
    const { stdout } = await this.git(['for-each-ref', '--format=%(refname) %(objectname)'], { cwd: dir });
    const lines = stdout.split('\n').filter(Boolean);
    return new Map(lines.map((line) => line.split(' ') as [string, string]));
  }

  /** Deletes everything below the root. */
  dispose(): void {
    rmSync(this.root, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  }
}

/** Runs a program to its end. Broken pipes are left to the exit code: git may stop reading before the input ends. */
export function run(
  program: string,
  args: readonly string[],
  options: Pick<GitOptions, 'cwd' | 'input' | 'env'>,
): Promise<GitResult> {
  return new Promise((resolve, reject) => {
    const env = Object.fromEntries(Object.entries(options.env ?? {}).filter(([, value]) => value !== undefined));
    const child = spawn(program, args, { cwd: options.cwd, env, stdio: 'pipe' });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
    child.stdin.on('error', () => {});
    child.on('error', reject);
    child.on('close', (code, signal) => {
      const bytes = Buffer.concat(out);
      const stderr = Buffer.concat(err).toString();
      resolve({
        code: code ?? 128,
        stdout: bytes.toString(),
        stderr: signal ? `${stderr}killed by ${signal}\n` : stderr,
        bytes,
      });
    });
    const input = options.input;
    if (input instanceof Readable) input.on('error', reject).pipe(child.stdin);
    else child.stdin.end(input);
  });
}
