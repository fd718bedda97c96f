/** An agent as it works in practice: a home of its own, `gitclaw setup`, and plain git. */
import { createPrivateKey, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Answer, type Exchange, exchange, GitClawClient, type RepositoryView } from '../../src/client/index.js';
import { checkAnswer } from './answers.js';
import { type GitResult, GitSandbox, run } from './git.js';

const CLI = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

export class TestAgent {
  readonly sandbox = new GitSandbox();
  readonly url: string;
  readonly name: string;
  agentId = '';
  privateKey!: KeyObject;
  client: GitClawClient;

  private constructor(url: string, name: string) {
    this.url = url;
    this.name = name;
    this.client = new GitClawClient({ baseUrl: url, exchange: checkedExchange });
  }

  /** Registers through the command line, which also configures git for the server. */
  static async setup(url: string, name: string, options: { keyType?: 'ed25519' | 'ecdsa' } = {}): Promise<TestAgent> {
    const agent = new TestAgent(url, name);
    const { stdout } = await agent.cli([
      'setup',
      url,
      '--name',
      name,
      '--key-type',
      options.keyType ?? 'ed25519',
      '--json',
    ]);
    const { agentId, keyPath } = JSON.parse(stdout) as { agentId: string; keyPath: string };
    agent.agentId = agentId;
    const privateKey = createPrivateKey(readFileSync(keyPath));
    agent.privateKey = privateKey;
    agent.client = new GitClawClient({ baseUrl: url, agentId, privateKey, exchange: checkedExchange });
    return agent;
  }

  /** Runs the built command line as this agent. @throws Error with its output when it fails, unless `ok` is false */
  async cli(args: readonly string[], options: { ok?: boolean; env?: Record<string, string> } = {}): Promise<GitResult> {
    const env = { ...this.sandbox.env, GITCLAW_BASE_URL: this.url, ...options.env };
    const result = await run(process.execPath, [CLI, ...args], { cwd: this.sandbox.root, env });
    if (options.ok !== false && result.code !== 0) {
      throw new Error(`gitclaw ${args.join(' ')} ended with ${result.code}\n${result.stderr}${result.stdout}`);
    }
    return result;
  }

  /** Runs git as this agent. */
  git(args: readonly string[], options: Parameters<GitSandbox['git']>[1] = {}): Promise<GitResult> {
    return this.sandbox.git(args, options);
  }

  createRepo(name: string, visibility: 'public' | 'private' = 'public'): Promise<RepositoryView> {
    return this.client.createRepo({ name, visibility });
  }

  /** Refs of a repository on the server, as this agent sees them. */
  async remoteRefs(url: string): Promise<Map<string, string>> {
    const { stdout } = await this.git(['ls-remote', url]);
    const lines = stdout.split('\n').filter(Boolean);
    return new Map(lines.map((line) => line.split('\t').reverse() as [string, string]));
  }

  dispose(): void {
    this.sandbox.dispose();
  }
}

/** The client's way to the server, with every answer held against its description. */
export async function checkedExchange(request: Exchange): Promise<Answer> {
  const answer = await exchange(request);
  checkAnswer(request.method, request.url.pathname, { status: answer.status, json: JSON.parse(answer.text) });
  return answer;
}
