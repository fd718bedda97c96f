import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { Random } from '../../../test/support/random.js';
import { insertDelta, ofsDelta, pack, refDelta, whole } from '../../../test/support/raw-pack.js';
import { AppError } from '../../errors.js';
import { checkGuardedFile } from '../../git/objects/check.js';
import type { GuardedFile } from '../../git/objects/check-tree.js';
import { objectId } from '../../git/objects/id.js';
import type { GitObject } from '../../git/objects/type.js';
import { type Oid, oidToBytes } from '../../git/oid.js';
import { DEFAULT_PACK_LIMITS, IN_MEMORY_BYTES } from '../../git/pack/limits.js';
import { indexPack } from './index-pack.js';

const folder = mkdtempSync(join(tmpdir(), 'gitclaw-guarded-'));
const path = join(folder, 'case.pack');
const env = { PATH: process.env.PATH, GIT_CONFIG_NOSYSTEM: '1', HOME: folder };
afterAll(() => rmSync(folder, { recursive: true }));

const bytes = (text: string) => Buffer.from(text, 'latin1');
const blobId = (content: Uint8Array) => objectId('blob', content);
const tree = (...entries: [mode: string, name: string, oid: Oid][]) =>
  Buffer.concat(entries.flatMap(([mode, name, oid]) => [Buffer.from(`${mode} ${name}\0`), oidToBytes(oid)]));

/** @returns the fsck id that refuses the pack, or undefined when it is accepted */
async function ourVerdict(received: Buffer, stored: GitObject[] = []): Promise<unknown> {
  writeFileSync(path, received);
  const request = { packPath: path, idxPath: `${path}.idx`, metaPath: `${path}.meta`, tips: [], looseUpTo: 100 };
  const read = async (oid: Oid) => stored.find(({ type, data }) => objectId(type, data) === oid);
  try {
    await indexPack({ ...request, limits: DEFAULT_PACK_LIMITS }, read);
    return undefined;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return error.details?.id ?? error.message;
  }
}

/** The errors git prints for a pack that is received into a new repository: ids by object. */
function gitErrors(received: Buffer, stored: GitObject[] = []): { refused: boolean; ids: Map<Oid, string[]> } {
  const repo = mkdtempSync(join(folder, 'repo-'));
  execFileSync('git', ['init', '-q', '--bare', repo], { env });
  for (const { type, data } of stored) {
    execFileSync('git', ['-C', repo, 'hash-object', '-w', '--literally', '-t', type, '--stdin'], { env, input: data });
  }
  const args = ['-C', repo, 'index-pack', '--stdin', '--strict', '--fix-thin'];
  const run = spawnSync('git', args, { env, input: received, maxBuffer: 2 ** 28 });
  const ids = new Map<Oid, string[]>();
  for (const [, oid, id] of run.stderr.toString('latin1').matchAll(/^error: object ([0-9a-f]{40}): (\w+):/gm)) {
    ids.set(oid!, [...(ids.get(oid!) ?? []), id!]);
  }
  return { refused: run.status !== 0, ids };
}

/** The one id git names, or undefined when it accepts. */
function gitVerdict(received: Buffer, stored: GitObject[] = []): string | undefined {
  const { refused, ids } = gitErrors(received, stored);
  return refused ? [...ids.values()].flat()[0] : undefined;
}

const modules = (...lines: string[]) => bytes(`[submodule "lib"]\n${lines.map((line) => `\t${line}\n`).join('')}`);
const NAMED: [id: string | undefined, file: GuardedFile, content: Buffer][] = [
  [undefined, 'gitmodules', modules('path = lib', 'url = https://example.com/lib.git')],
  [undefined, 'gitmodules', modules('path = lib', 'url = ../lib.git', 'update = rebase')],
  [undefined, 'gitmodules', bytes('no configuration at all')],
  [undefined, 'gitmodules', bytes('[submodule "a"]\nbroken line\nurl = -u\n')],
  [undefined, 'gitmodules', bytes('[other "../x"]\nurl = -u\n')],
  ['gitmodulesName', 'gitmodules', bytes('[submodule "../evil"]\npath = x\n')],
  ['gitmodulesName', 'gitmodules', bytes('[submodule "a\\\\..\\\\b"]\npath = x\n')],
  ['gitmodulesName', 'gitmodules', bytes('[submodule ""]\npath = x\n')],
  ['gitmodulesPath', 'gitmodules', modules('path = -oProxyCommand=x')],
  ['gitmodulesUrl', 'gitmodules', modules('url = -u./payload')],
  ['gitmodulesUrl', 'gitmodules', modules('url = "https://example.com\\n.evil/x"')],
  ['gitmodulesUrl', 'gitmodules', modules('url = https://example.com/%0ahost=evil')],
  ['gitmodulesUrl', 'gitmodules', modules('url = ../../../:evil.example/x')],
  ['gitmodulesUrl', 'gitmodules', modules('url = https:///example.com/x')],
  ['gitmodulesUrl', 'gitmodules', modules('url = http::example.com/x')],
  ['gitmodulesUpdate', 'gitmodules', modules('update = !touch pwned')],
  ['gitmodulesUpdate', 'gitmodules', bytes('[SubModule "a"]\r\nUPDATE=!x')],
  [undefined, 'gitattributes', bytes('*.c text\n'.repeat(1000))],
  [undefined, 'gitattributes', bytes(`${'a'.repeat(2047)}\n`)],
  [undefined, 'gitattributes', bytes(`x\0${'a'.repeat(5000)}\n`)],
  ['gitattributesLineLength', 'gitattributes', bytes(`${'a'.repeat(2048)}\n`)],
  ['gitattributesLineLength', 'gitattributes', bytes(`ok\n${'a'.repeat(2048)}`)],
];

describe.each(NAMED)('a file that breaks %s', (id, file, content) => {
  const named = tree(['100644', `.${file}`, blobId(content)]);

  it(`named .${file}, is judged as git does`, async () => {
    const received = pack([whole('tree', named), whole('blob', content)]);
    expect(await ourVerdict(received)).toBe(id);
    expect(gitVerdict(received)).toBe(id);
  });
});

describe('where the blob lies', () => {
  const bad = modules('update = !touch pwned');
  const named = tree(['100644', '.gitmodules', blobId(bad)]);
  const stored: GitObject = { type: 'blob', data: bad };
  const base = bytes('a base of the delta');
  const delta = insertDelta(base.length, bad.toString('latin1'));
  const wholeBase = whole('blob', base);

  it.each<[string, Buffer, GitObject[]]>([
    ['before its tree', pack([whole('blob', bad), whole('tree', named)]), []],
    ['as a delta before its tree', pack([wholeBase, ofsDelta(wholeBase.length, delta), whole('tree', named)]), []],
    ['as a delta behind its tree', pack([whole('tree', named), wholeBase, ofsDelta(wholeBase.length, delta)]), []],
    ['in the repository', pack([whole('tree', named)]), [stored]],
    [
      'as a delta of a stored blob, before its tree',
      pack([refDelta(blobId(base), delta), whole('tree', named)]),
      [{ type: 'blob', data: base }],
    ],
  ])('%s', async (_name, received, repository) => {
    expect(await ourVerdict(received, repository)).toBe('gitmodulesUpdate');
    expect(gitVerdict(received, repository)).toBe('gitmodulesUpdate');
  });

  it('in an earlier pack under a harmless name, and is then named otherwise', async () => {
    const harmless = pack([whole('tree', tree(['100644', 'modules', blobId(bad)])), whole('blob', bad)]);
    expect(await ourVerdict(harmless)).toBeUndefined();
    expect(gitVerdict(harmless)).toBeUndefined();
  });

  it('under one name good, under the other bad', async () => {
    const long = bytes(`${'a'.repeat(3000)}\n`);
    const both = tree(['100644', '.gitattributes', blobId(long)], ['100644', '.gitmodules', blobId(long)]);
    const received = pack([whole('blob', long), whole('tree', both)]);
    expect(await ourVerdict(received)).toBe('gitattributesLineLength');
    expect(gitVerdict(received)).toBe('gitattributesLineLength');
  });
});

describe('what is no file', () => {
  const empty = whole('tree', Buffer.alloc(0));
  const emptyOid = objectId('tree', Buffer.alloc(0));

  it.each(['gitmodules', 'gitattributes'] as const)('.%s as a folder is refused', async (file) => {
    const received = pack([empty, whole('tree', tree(['40000', `.${file}`, emptyOid]))]);
    expect(await ourVerdict(received)).toBe(`${file}Blob`);
    expect(gitVerdict(received)).toBe(`${file}Blob`);
  });

  it('.gitmodules as a submodule passes, .gitattributes as one does not', async () => {
    const link = (name: string) => pack([whole('tree', tree(['160000', name, 'a'.repeat(40)]))]);
    expect(await ourVerdict(link('.gitmodules'))).toBeUndefined();
    expect(gitVerdict(link('.gitmodules'))).toBeUndefined();
    expect(await ourVerdict(link('.gitattributes'))).toBe('gitattributesMissing');
    expect(gitVerdict(link('.gitattributes'))).toBe('gitattributesMissing');
  });

  it('.gitattributes as a link passes with a note, as in git', async () => {
    const target = bytes('somewhere');
    const received = pack([whole('blob', target), whole('tree', tree(['120000', '.gitattributes', blobId(target)]))]);
    expect(await ourVerdict(received)).toBeUndefined();
    expect(gitVerdict(received)).toBeUndefined();
  });

  it.each(['gitmodules', 'gitattributes'] as const)(
    '.%s is refused when it is too large to be parsed',
    async (file) => {
      const large = Buffer.alloc(IN_MEMORY_BYTES + 1, '#\n');
      const named = whole('tree', tree(['100644', `.${file}`, blobId(large)]));
      expect(await ourVerdict(pack([named, whole('blob', large)]))).toBe(`${file}Large`);
      expect(await ourVerdict(pack([named]), [{ type: 'blob', data: large }])).toBe(`${file}Large`);
    },
  );
});

describe('names that file systems take for the guarded ones', () => {
  const bad = { gitmodules: modules('update = !x'), gitattributes: bytes('a'.repeat(4000)) };
  const NAMES = [
    ...[
      '.gitmodules',
      '.GITMODULES',
      'gitmod~1',
      'GITMOD~4',
      'gi7eba~1',
      '.gitmodules .',
      '.git\u200cmodules',
      'a\\.gitmodules',
    ],
    ...[
      '.gitattributes',
      '.GitAttributes',
      'gitatt~1',
      'GITATT~4',
      'gi7d29~1',
      '.gitattributes...',
      '.gitattributes:x',
    ],
    ...[
      '.git\u200cattributes',
      'a\\.gitattributes',
      'gitatt~5',
      'gitmod~5',
      'gitattributes',
      '.gitattributesx',
      'gi7d2~12',
    ],
  ];
  it.each(NAMES)('%s', async (name) => {
    const verdicts: (string | undefined)[] = [];
    for (const content of Object.values(bad)) {
      const received = pack([whole('tree', tree(['100644', name, blobId(content)])), whole('blob', content)]);
      const verdict = gitVerdict(received);
      expect(await ourVerdict(received)).toBe(verdict);
      verdicts.push(verdict);
    }
    expect(verdicts.filter((verdict) => verdict !== undefined).length).toBeLessThan(2);
  });
});

/** Contents that git reads in one way as a blob and in another as a file; it checks the blob only. */
const readOtherwise = (content: Buffer) => content.includes(0xff) || content.indexOf('\ufeff') === 0;

describe('what git does not see in a blob but in a file', () => {
  it.each(['\u00ef\u00bb\u00bf[submodule "a"]\nupdate=!x\n', '#\u00ff\n[submodule "a"]\nupdate=!x\n'])(
    'is refused',
    async (text) => {
      const content = bytes(text);
      const received = pack([whole('tree', tree(['100644', '.gitmodules', blobId(content)])), whole('blob', content)]);
      expect(await ourVerdict(received)).toBe('gitmodulesUpdate');
      const file = join(folder, 'as-file');
      writeFileSync(file, content);
      const read = execFileSync('git', ['config', '--file', file, 'submodule.a.update'], { env, cwd: folder });
      expect(read.toString()).toBe('!x\n');
    },
  );
});

describe('random contents', () => {
  const TOKENS = [
    ...[
      '[submodule "a"]\n',
      '[submodule "b/../c"]',
      '[submodule.x]\n',
      '[SUBMODULE "..\\\\x"]\n',
      '[core]\n',
      '[submodule',
    ],
    ...[
      '\turl = ',
      'path=',
      'update',
      ' = ',
      '\n',
      '\r\n',
      ' ',
      '\t',
      '"',
      '\\',
      '\\n',
      '\\t',
      '#',
      ';',
      '!',
      '-',
      '..',
      '../',
    ],
    ...[
      './',
      'https://',
      'http::',
      'ftp::',
      'user@',
      ':pw@',
      'host',
      '/',
      '//',
      '%0a',
      '%00',
      '%',
      '?',
      ':',
      'x',
      '\0',
      ']',
      '.',
      '=',
    ],
    ...['a-b', '\u00ef\u00bb\u00bf', '\u00ff', '..\\', '\v'],
  ];
  const VALUES = ['url = ', 'path = ', 'update = '];

  it('get the verdict that git gives them', async () => {
    const random = new Random(73);
    const contents = new Map<Oid, Buffer>();
    while (contents.size < 4000) {
      const parts = random.chance(0.7)
        ? [`[submodule "${random.pick(['a', '..', 'x/..', 'b c'])}"]\n`, random.pick(VALUES)]
        : [];
      for (let n = random.below(9); n >= 0; n--) parts.push(random.pick(TOKENS));
      const content = bytes(parts.join(''));
      contents.set(blobId(content), content);
    }
    const entries = [...contents].flatMap(([oid, content]) => [
      whole('blob', content),
      whole('tree', tree(['100644', '.gitmodules', oid])),
    ]);
    const { ids } = gitErrors(pack(entries));
    expect(ids.size).toBeGreaterThan(400);
    const wrong = [...contents].filter(([oid, content]) => {
      const ours = checkGuardedFile('gitmodules', content)?.id;
      const gits = ids.get(oid)?.[0];
      return ours !== gits && (gits !== undefined || !readOtherwise(content));
    });
    expect(wrong.map(([oid, content]) => [content.toString('latin1'), ids.get(oid)])).toEqual([]);
  });
});
