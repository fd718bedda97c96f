/** Makes sure that the other git clients are there: JGit, dulwich and libgit2, from Debian's packages. */
import { execFile } from 'node:child_process';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { libraryFolder, needPackages, onPath } from './debian.js';

const run = promisify(execFile);

/** jgit-cli depends on no Java runtime. */
const PACKAGES = ['jgit-cli', 'default-jre-headless', 'python3-dulwich', 'python3-pygit2'];

/** Debian's script names one jar, by its place in the system, and that names too few others. */
const JGIT_JARS = [
  'org.eclipse.jgit.pgm',
  'org.eclipse.jgit.lfs',
  'org.eclipse.jgit.http.apache',
  'httpclient',
  'httpcore',
  'commons-logging',
  'commons-codec',
  'slf4j-nop',
  'javaewah',
];

export interface OtherClients {
  /** The interpreter that Debian's Python packages belong to. */
  python: string;
  /** What the clients' processes need beside a home. */
  env: Record<string, string>;
}

let found: Promise<OtherClients> | undefined;

/** Installs the clients when this process may. @throws Error that says what to install */
export function otherClients(): Promise<OtherClients> {
  found ??= find();
  return found;
}

async function find(): Promise<OtherClients> {
  const root = (await needPackages({ name: 'clients', packages: PACKAGES, areThere })) ?? '/';
  const jars = JGIT_JARS.map((name) => join(root, 'usr/share/java', `${name}.jar`));
  const jgit = { JGIT_CLASSPATH: jars.join(':') };
  if (root === '/') return { python: '/usr/bin/python3', env: { PATH: process.env.PATH ?? '', ...jgit } };
  const python = join(root, 'usr/bin/python3');
  const java = join(root, 'usr/lib/jvm/default-java');
  const hasOwn = (path: string) =>
    access(path).then(
      () => true,
      () => false,
    );
  return {
    python: (await hasOwn(python)) ? python : '/usr/bin/python3',
    env: {
      ...jgit,
      ...((await hasOwn(java)) && { JAVA_HOME: java }),
      PATH: `${join(root, 'usr/bin')}:${process.env.PATH}`,
      LD_LIBRARY_PATH: await libraryFolder(root),
      PYTHONPATH: join(root, 'usr/lib/python3/dist-packages'),
    },
  };
}

async function areThere(): Promise<boolean> {
  if (!(await onPath(['jgit', 'java']))) return false;
  return run('/usr/bin/python3', ['-c', 'import dulwich, pygit2']).then(
    () => true,
    () => false,
  );
}
