/** Makes sure that the programs of the S3 test server are there. */
import { readdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { libraryFolder, needPackages, onPath } from './debian.js';

const PROGRAMS = ['radosgw', 'radosgw-admin', 'ceph-mon', 'ceph-osd', 'ceph', 'monmaptool'];

/**
 * The environment in which the server's programs are found; installs Debian's packages when this process may.
 * @throws Error that says what to install
 */
export async function radosgwEnvironment(): Promise<NodeJS.ProcessEnv> {
  const root = await needPackages({
    name: 'radosgw',
    packages: ['radosgw', 'ceph-mon', 'ceph-osd'],
    areThere: () => onPath(PROGRAMS),
    instead: 'set GITCLAW_TEST_S3_ENDPOINT, GITCLAW_TEST_S3_KEY and GITCLAW_TEST_S3_SECRET to another S3 server',
    afterUnpack: linkPlugins,
  });
  return root === undefined ? process.env : unpackedEnvironment(root);
}

/** Away from their place the daemons look for their plugins beside the libraries. */
async function linkPlugins(root: string): Promise<void> {
  const libraries = await libraryFolder(root);
  for (const folder of [join('ceph', 'erasure-code'), 'rados-classes']) {
    for (const name of await readdir(join(libraries, folder))) await symlink(join(folder, name), join(libraries, name));
  }
}

async function unpackedEnvironment(root: string): Promise<NodeJS.ProcessEnv> {
  const libraries = await libraryFolder(root);
  return {
    ...process.env,
    CEPH_LIB: libraries,
    PATH: `${join(root, 'usr/bin')}:${process.env.PATH}`,
    LD_LIBRARY_PATH: `${libraries}:${join(libraries, 'ceph')}`,
    PYTHONPATH: join(root, 'usr/lib/python3/dist-packages'),
  };
}
