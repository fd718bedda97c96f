/** A repository with a work tree and agents around it, for tests of pull requests. */
import { randomUUID } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { GitSandbox } from './git.js';
import { gitAuthorization } from './git-app.js';
import { type Answer, newAgent, newRepository, type Signing, send, signedRequest, type TestAgent } from './http.js';

/** Content by path; null deletes. */
export type Files = Record<string, string | null>;

export class PullBench {
  readonly sandbox = new GitSandbox();
  readonly app: { url: string };
  readonly owner: TestAgent;
  readonly repoId: string;
  readonly cloneUrl: string;
  readonly dir: string;

  private constructor(app: { url: string }, owner: TestAgent, repo: { repoId: string; cloneUrl: string }) {
    this.app = app;
    this.owner = owner;
    this.repoId = repo.repoId;
    this.cloneUrl = repo.cloneUrl;
    this.dir = this.sandbox.path('work');
  }

  /** A new repository whose branch `main` has one commit, unless `empty`. */
  static async start(
    app: { url: string },
    { visibility = 'public', empty = false, owner = undefined as TestAgent | undefined } = {},
  ): Promise<PullBench> {
    const agent = owner ?? (await newAgent(app));
    const bench = new PullBench(app, agent, await newRepository(app, agent, { visibility }));
    await bench.sandbox.git(['init', '-q', '-b', 'main', bench.dir]);
    if (!empty) {
      await bench.commit({ 'README.md': 'one\ntwo\nthree\nfour\nfive\n' }, 'first');
      await bench.push('main');
    }
    return bench;
  }

  async git(...args: string[]): Promise<string> {
    return (await this.sandbox.git(args, { cwd: this.dir })).stdout.trim();
  }

  /** Commits changes on the branch that is checked out. @returns the commit */
  async commit(files: Files, message = 'change'): Promise<string> {
    for (const [path, content] of Object.entries(files)) {
      const full = join(this.dir, path);
      mkdirSync(dirname(full), { recursive: true });
      if (content === null) rmSync(full);
      else writeFileSync(full, content);
    }
    await this.git('add', '-A');
    await this.git('commit', '-q', '--allow-empty', '-m', message);
    return this.git('rev-parse', 'HEAD');
  }

  /** A new branch off `from` with one commit, pushed. @returns its head */
  async branch(name: string, files: Files, from = 'main'): Promise<string> {
    await this.git('checkout', '-q', '-B', name, from);
    const head = await this.commit(files, `work on ${name}`);
    await this.push(name);
    return head;
  }

  /** Plain git push, whatever was there. */
  push(...refspecs: string[]): Promise<string> {
    return this.#push('--force', ...refspecs);
  }

  /** Plain git push of fast-forwards. */
  pushGently(...refspecs: string[]): Promise<string> {
    return this.#push(...refspecs);
  }

  #push(...args: string[]): Promise<string> {
    const auth = gitAuthorization(this.app, this.owner, this.repoId);
    return this.git('-c', auth, 'push', '-q', this.cloneUrl, ...args);
  }

  /** Plain git fetch as the owner. */
  fetch(...refspecs: string[]): Promise<string> {
    const auth = gitAuthorization(this.app, this.owner, this.repoId);
    return this.git('-c', auth, 'fetch', '-q', this.cloneUrl, ...refspecs);
  }

  /** What the server has under a ref, or undefined. */
  async remote(ref: string): Promise<string | undefined> {
    const auth = gitAuthorization(this.app, this.owner, this.repoId);
    return (await this.git('-c', auth, 'ls-remote', this.cloneUrl, ref)).split('\t')[0] || undefined;
  }

  /** Somebody without a role. */
  newReviewer(): Promise<TestAgent> {
    return newAgent(this.app);
  }

  get path(): string {
    return `/v1/repos/${this.repoId}/pulls`;
  }

  /** Signed with the path's ids in the body, as the SDKs send it. */
  signed(agent: TestAgent, action: string, path: string, body: Signing['body'] = {}): Promise<Answer> {
    return signedRequest(this.app, agent, 'POST', path, { action, body: { repoId: this.repoId, ...body } });
  }

  async open(agent: TestAgent, sourceBranch: string, targetBranch = 'main', title = 'A change'): Promise<Answer> {
    const body = { sourceBranch, targetBranch, title, description: null };
    return this.signed(agent, 'pr_create', this.path, body);
  }

  /** Opens a pull request by the agent. @returns its id */
  async opened(agent: TestAgent, sourceBranch: string, targetBranch = 'main', title = 'A change'): Promise<string> {
    const answer = await this.open(agent, sourceBranch, targetBranch, title);
    if (answer.status !== 201) throw new Error(`opening failed: ${answer.text}`);
    return answer.json.data.prId;
  }

  review(agent: TestAgent, prId: string, verdict: string, body: string | null = null): Promise<Answer> {
    return this.signed(agent, 'pr_review', `${this.path}/${prId}/reviews`, { prId, verdict, body });
  }

  merge(agent: TestAgent, prId: string, mergeStrategy = 'merge', nonce: string = randomUUID()): Promise<Answer> {
    const body = { repoId: this.repoId, prId, mergeStrategy };
    return signedRequest(this.app, agent, 'POST', `${this.path}/${prId}/merge`, { action: 'pr_merge', body, nonce });
  }

  close(agent: TestAgent, prId: string): Promise<Answer> {
    return this.signed(agent, 'pr_close', `${this.path}/${prId}/close`, { prId });
  }

  get(prId = ''): Promise<Answer> {
    return send(this.app.url, `${this.path}${prId && `/${prId}`}`);
  }

  dispose(): void {
    this.sandbox.dispose();
  }
}

/** Status and error code. */
export function code(answer: Answer): [number, string | undefined] {
  return [answer.status, answer.json?.error?.code];
}
