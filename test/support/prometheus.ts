/** A real Prometheus that scrapes the nodes of a test, and the tool that checks its rules. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Where the package is unpacked on machines that do not have it installed. */
const UNPACKED = join(dirname(fileURLToPath(import.meta.url)), '../../node_modules/.cache/gitclaw-prometheus');
const RULES = fileURLToPath(new URL('../../src/monitoring/alerts.yaml', import.meta.url));
const START_MS = 60_000;

/**
 * Path of `prometheus` or `promtool`. Nothing is installed for it, so no service starts.
 * @throws Error that says what to install
 */
export async function prometheusProgram(name: 'prometheus' | 'promtool'): Promise<string> {
  const installed = await run('which', [name]).then(
    ({ stdout }) => stdout.trim(),
    () => undefined,
  );
  if (installed !== undefined) return installed;
  const path = join(UNPACKED, 'usr/bin', name);
  if ((await readdir(dirname(path)).catch(() => [] as string[])).includes(name)) return path;
  try {
    await mkdir(UNPACKED, { recursive: true });
    await run('apt-get', ['download', 'prometheus'], { cwd: UNPACKED });
    const deb = (await readdir(UNPACKED)).find((file) => file.endsWith('.deb')) ?? '';
    await run('dpkg', ['-x', join(UNPACKED, deb), UNPACKED]);
  } catch (cause) {
    throw new Error('These tests need Prometheus: install the Debian package prometheus.', { cause });
  }
  return path;
}

export interface Sample {
  metric: Record<string, string>;
  value: [time: number, value: string];
}

export class Prometheus {
  readonly url: string;
  readonly #child: ChildProcess;
  readonly #folder: string;

  private constructor(url: string, child: ChildProcess, folder: string) {
    this.url = url;
    this.#child = child;
    this.#folder = folder;
  }

  /** Starts one with our example configuration and our rules, but other targets and a shorter interval. */
  static async start(targets: readonly string[]): Promise<Prometheus> {
    const folder = await mkdtemp(join(tmpdir(), 'gitclaw-prometheus-'));
    const example = await readFile(new URL('../../src/monitoring/prometheus.yml', import.meta.url), 'utf8');
    const config = example
      .replace('scrape_interval: 15s', 'scrape_interval: 1s\n  evaluation_interval: 1s')
      .replace('gitclaw:8080', targets.join(', '))
      .replace('alerts.yaml', RULES);
    await writeFile(join(folder, 'prometheus.yml'), config);
    const port = await freePort();
    const args = ['--config.file=prometheus.yml', '--storage.tsdb.path=data', `--web.listen-address=127.0.0.1:${port}`];
    const child = spawn(await prometheusProgram('prometheus'), args, {
      cwd: folder,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let output = '';
    child.stderr?.on('data', (chunk) => {
      output += chunk;
    });
    const url = `http://127.0.0.1:${port}`;
    const deadline = Date.now() + START_MS;
    while (!(await fetch(`${url}/-/ready`).catch(() => undefined))?.ok) {
      if (child.exitCode !== null || Date.now() > deadline) {
        child.kill('SIGKILL');
        throw new Error(`Prometheus did not start\n${output}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    return new Prometheus(url, child, folder);
  }

  /** An instant query. @throws Error with what Prometheus says against it */
  async query(expression: string): Promise<Sample[]> {
    const answer = await this.#get(`query?${new URLSearchParams({ query: expression })}`);
    return answer.result;
  }

  /** The rules with what became of their last evaluation. */
  async rules(): Promise<{ name: string; query: string; health: string; state: string; lastError?: string }[]> {
    return (await this.#get('rules')).groups.flatMap((group: { rules: unknown[] }) => group.rules);
  }

  // biome-ignore lint/suspicious/noExplicitAny: answers of every shape
  async #get(path: string): Promise<any> {
    const answer = await fetch(`${this.url}/api/v1/${path}`);
    const { status, data, error } = (await answer.json()) as { status: string; data: unknown; error?: string };
    if (status !== 'success') throw new Error(`${decodeURIComponent(path)}: ${error}`);
    return data;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const ended = once(this.#child, 'exit');
      this.#child.kill('SIGTERM');
      await ended;
    }
    await rm(this.#folder, { recursive: true, force: true });
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
