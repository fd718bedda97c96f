/** JGit's command line. It takes credentials from ~/.netrc, and finds the home in a property of Java. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type GitSandbox, run } from '../support/git.js';
import { otherClients } from '../support/other-clients.js';
import { AUTHOR, type Failure, type Operation, type OtherClient } from './client.js';

/** Each operation is a virtual machine of its own: what saves time at its start. */
const JAVA_OPTIONS = '-Djava.awt.headless=true -XX:TieredStopAtLevel=1 -XX:+UseSerialGC';

/** JGit ends with 0 also after a refusal. */
const REFUSED = /^(fatal|error): .*|^ ! .*|.* is not a valid option|^org\.eclipse\.jgit\.\S*Exception.*/m;

export function jgit(sandbox: GitSandbox): OtherClient {
  // A home of its own: the real git would read the file too.
  const home = sandbox.path('jgit-home');
  mkdirSync(home, { recursive: true });
  const call = async (args: string[], { dir, url, login }: Partial<Operation>): Promise<Failure> => {
    const machine = url === undefined ? '' : new URL(url).hostname;
    const { user, password } = login?.() ?? {};
    const entry = user === undefined ? '' : `machine ${machine} login ${user} password ${password}\n`;
    writeFileSync(join(home, '.netrc'), entry);
    const { env } = await otherClients();
    const { code, stdout, stderr } = await run('jgit', args, {
      ...(dir && { cwd: dir }),
      // The C locale would leave Java without a name for a path that is not ASCII.
      env: {
        ...sandbox.env,
        ...env,
        LC_ALL: 'C.UTF-8',
        HOME: home,
        JAVA_TOOL_OPTIONS: `-Duser.home=${home} ${JAVA_OPTIONS}`,
      },
    });
    const refusal = REFUSED.exec(stdout + stderr)?.[0];
    return refusal ?? (code === 0 ? undefined : stderr);
  };
  return {
    shallow: false,
    clone: ({ dir, url, login, depth }) =>
      call(['clone', ...(depth ? ['--depth', String(depth)] : []), url, dir], { url, login }),
    fetch: (operation) => call(['fetch', 'origin'], operation),
    async commit(dir, file, message) {
      const author = `${AUTHOR.name} <${AUTHOR.email}>`;
      return (
        (await call(['add', file], { dir })) ?? (await call(['commit', '--author', author, '-m', message], { dir }))
      );
    },
    tag: (dir, tag, message) => call(['tag', '-m', message, tag], { dir }),
    push: ({ refspecs, force, ...operation }) =>
      call(['push', ...(force ? ['--force'] : []), operation.url, ...refspecs], operation),
  };
}
