import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { Spool } from './spool.js';

const root = mkdtempSync(join(tmpdir(), 'spool-test-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

async function* parts(...sizes: number[]): AsyncGenerator<Uint8Array> {
  for (const [i, size] of sizes.entries()) yield Buffer.alloc(size, i + 1);
}

test('a body arrives byte for byte, with what was read before it in front', async () => {
  const spool = await Spool.open(root);
  const first = Buffer.from('0032want');
  const { path, bytes } = await spool.receive(parts(3, 700_000, 0, 900_000, 1), { first, maxBytes: 10_000_000 });
  const expected = [first, Buffer.alloc(3, 1), Buffer.alloc(700_000, 2), Buffer.alloc(900_000, 4), Buffer.alloc(1, 5)];
  expect(readFileSync(path).equals(Buffer.concat(expected))).toBe(true);
  expect(bytes).toBe(1_600_012);
  await spool.remove(path, join(root, 'never-was'));
  expect(existsSync(path)).toBe(false);
  await spool.close();
  expect(existsSync(spool.folder)).toBe(false);
});

test('a body of at most the size that was asked for stays in memory, a longer one goes to a file', async () => {
  const spool = await Spool.open(root);
  const options = { maxBytes: 1000, inMemoryUpTo: 50 };
  const { path, bytes, data } = await spool.receive(parts(20, 30), options);
  expect([bytes, Buffer.concat([Buffer.alloc(20, 1), Buffer.alloc(30, 2)]).equals(data!)]).toEqual([50, true]);
  expect([data!.buffer.byteLength, existsSync(path)]).toEqual([50, false]);
  const longer = await spool.receive(parts(20, 31), options);
  expect([longer.bytes, longer.data, readFileSync(longer.path).length]).toEqual([51, undefined, 51]);
  expect(await spool.receive(parts(), options)).toMatchObject({ bytes: 0, data: new Uint8Array(0) });
  expect(readFileSync((await spool.receive(parts(), { maxBytes: 1000 })).path)).toHaveLength(0);
  await spool.close();
});

test('exactly the limit passes, one byte more is refused without a trace', async () => {
  const spool = await Spool.open(root);
  const { path } = await spool.receive(parts(50, 48), { first: Buffer.alloc(2), maxBytes: 100 });
  await expect(spool.receive(parts(50, 49), { first: Buffer.alloc(2), maxBytes: 100 })).rejects.toMatchObject({
    code: 'PAYLOAD_TOO_LARGE',
  });
  expect(readdirSync(spool.folder)).toEqual([path.slice(spool.folder.length + 1)]);
  await spool.close();
});

test('a stream that fails leaves no file and its own error', async () => {
  const spool = await Spool.open(root);
  const failing = async function* () {
    yield Buffer.alloc(2_000_000);
    throw new Error('connection lost');
  };
  await expect(spool.receive(failing(), { maxBytes: 1e9 })).rejects.toThrow('connection lost');
  expect(readdirSync(spool.folder)).toEqual([]);
  await spool.close();
});

test('folders of dead processes go, those of live ones and foreign files stay', async () => {
  const dataDir = join(root, 'restart');
  const make = (name: string, ageHours: number) => {
    const path = join(dataDir, 'spool', name);
    mkdirSync(path, { recursive: true });
    writeFileSync(join(path, 'body'), 'x');
    const time = Date.now() / 1000 - ageHours * 3600;
    utimesSync(path, time, time);
    return path;
  };
  const dead = make(`4194303-0123456789ab-${hostname()}`, 0);
  const earlier = make(`${process.pid}-0123456789ab-${hostname()}`, 0);
  const live = make(`${process.ppid}-0123456789ab-${hostname()}`, 100);
  const elsewhere = make('7-0123456789ab-other-host', 1);
  const elsewhereOld = make('7-0123456789ac-other-host', 25);
  const strange = make('keep-me', 1000);
  const first = await Spool.open(dataDir);
  const second = await Spool.open(dataDir);
  expect([dead, earlier, elsewhereOld].filter((path) => existsSync(path))).toEqual([]);
  expect([live, elsewhere, strange, first.folder].every((path) => existsSync(path))).toBe(true);
  expect(first.newFile('pack')).not.toBe(second.newFile('pack'));
  await Promise.all([first.close(), second.close()]);
});
