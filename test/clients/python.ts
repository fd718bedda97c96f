/** Clients that are Python libraries: each operation is one run of a script that takes and gives JSON. */
import { fileURLToPath } from 'node:url';
import { type GitSandbox, run } from '../support/git.js';
import { otherClients } from '../support/other-clients.js';
import { AUTHOR, type Failure, type Operation, type OtherClient } from './client.js';

type Facts = Pick<OtherClient, 'shallow'>;

/** dulwich takes user name and password as arguments of each call. */
export function dulwich(sandbox: GitSandbox): OtherClient {
  return pythonClient(sandbox, 'dulwich-client.py', { shallow: true });
}

/** libgit2 asks a callback for credentials after a 401. */
export function libgit2(sandbox: GitSandbox): OtherClient {
  return pythonClient(sandbox, 'pygit2-client.py', { shallow: false });
}

function pythonClient(sandbox: GitSandbox, script: string, facts: Facts): OtherClient {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const call = async (command: string, request: Record<string, unknown>): Promise<Failure> => {
    const { python, env } = await otherClients();
    const input = JSON.stringify({ command, author: `${AUTHOR.name} <${AUTHOR.email}>`, ...request });
    const { stdout, stderr } = await run(python, [path], { input, env: { ...sandbox.env, ...env } });
    if (stdout === '') throw new Error(`${script} ${command} ended without an answer: ${stderr}`);
    return (JSON.parse(stdout) as { failure: string | null }).failure ?? undefined;
  };
  const flat = ({ login, ...rest }: Operation) => ({ ...rest, ...login?.() });
  return {
    ...facts,
    clone: (operation) => call('clone', flat(operation)),
    fetch: (operation) => call('fetch', flat(operation)),
    commit: (dir, file, message) => call('commit', { dir, file, message }),
    tag: (dir, tag, message) => call('tag', { dir, tag, message }),
    push: (operation) => call('push', flat(operation)),
  };
}
