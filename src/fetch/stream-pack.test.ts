import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { afterAll, expect, test } from 'vitest';
import { CHANNEL, readPackets } from '../git/index.js';
import { filePack, memoryPack, type PackBytes } from './pack-bytes.js';
import { type ByteSink, type Framing, streamPack } from './stream-pack.js';

const folder = mkdtempSync(join(tmpdir(), 'stream-pack-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Takes bytes late, as a slow connection does: what is overwritten too early arrives damaged. */
class SlowSink implements ByteSink {
  readonly parts: Buffer[] = [];

  async hand(bytes: Uint8Array): Promise<void> {
    for (let turns = 0; turns < 5; turns++) await turn();
    this.parts.push(Buffer.from(bytes));
  }

  get bytes(): Buffer {
    return Buffer.concat(this.parts);
  }
}

async function stored(content: Buffer): Promise<PackBytes> {
  const path = join(folder, `${content.length}.pack`);
  writeFileSync(path, content);
  return filePack(path);
}

function unframed(bytes: Buffer, framing: Framing): Buffer {
  if (framing === 'none') return bytes;
  const most = framing === 'side-band' ? 1000 : 65_520;
  const parts: Buffer[] = [];
  for (const packet of readPackets(bytes)) {
    if (packet.type !== 'data') throw new Error(packet.type);
    expect(packet.payload[0]).toBe(CHANNEL.data);
    expect(packet.payload.length + 4).toBeLessThanOrEqual(most);
    parts.push(packet.payload.subarray(1));
  }
  return Buffer.concat(parts);
}

const SIZES = [0, 1, 995, 996, 65_515, 65_516, 8 * 65_515, 8 * 65_515 + 1, 3_000_001];
const FRAMINGS = ['none', 'side-band', 'side-band-64k'] as const;

test.each(FRAMINGS.flatMap((framing) => SIZES.map((size) => [framing, size] as const)))(
  'framing %s brings %i bytes as they are, from disk and from memory',
  async (framing, size) => {
    const content = randomBytes(size);
    for (const pack of [await stored(content), memoryPack(content)]) {
      const sink = new SlowSink();
      expect(pack.bytes).toBe(size);
      await streamPack(pack, framing, sink);
      await pack.close();
      expect(unframed(sink.bytes, framing).equals(content)).toBe(true);
    }
  },
);

test('several packs at once do not get into one another', async () => {
  const contents = Array.from({ length: 6 }, (_, i) => Buffer.alloc(2_000_000, i + 1));
  const sinks = contents.map(() => new SlowSink());
  await Promise.all(contents.map((content, i) => streamPack(memoryPack(content), 'side-band-64k', sinks[i]!)));
  sinks.forEach((sink, i) => {
    expect(unframed(sink.bytes, 'side-band-64k').equals(contents[i]!)).toBe(true);
  });
});

test('a file that was cut short meanwhile is an error', async () => {
  const path = join(folder, 'cut.pack');
  writeFileSync(path, randomBytes(2_000_000));
  const pack = await filePack(path);
  truncateSync(path, 700_000);
  await expect(streamPack(pack, 'none', new SlowSink())).rejects.toThrow('ended early');
  await pack.close();
});

test('a connection that goes away ends the work with its error', async () => {
  let calls = 0;
  const sink: ByteSink = {
    async hand() {
      calls += 1;
      await turn();
      throw new Error('gone');
    },
  };
  await expect(streamPack(memoryPack(randomBytes(5_000_000)), 'none', sink)).rejects.toThrow('gone');
  expect(calls).toBeLessThanOrEqual(2);
});
