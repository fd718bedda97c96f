import { describe, expect, test } from 'vitest';
import {
  CHANNEL,
  chomp,
  DELIM,
  errPacket,
  FLUSH,
  MAX_PAYLOAD,
  type Packet,
  PktLineReader,
  ProtocolError,
  pktLine,
  RESPONSE_END,
  readPackets,
  SIDEBAND_64K,
  SIDEBAND_SMALL,
  sideband,
  sidebandText,
} from './index.js';

const show = (packet: Packet) => (packet.type === 'data' ? packet.payload.toString() : packet.type);

describe('writing', () => {
  test('the examples of gitprotocol-common', () => {
    expect(pktLine('a\n').toString()).toBe('0006a\n');
    expect(pktLine('a').toString()).toBe('0005a');
    expect(pktLine('foobar\n').toString()).toBe('000bfoobar\n');
    expect(pktLine('').toString()).toBe('0004');
  });

  test('up to the longest packet', () => {
    expect(pktLine(new Uint8Array(MAX_PAYLOAD)).toString('latin1', 0, 4)).toBe('fff0');
    expect(() => pktLine(new Uint8Array(MAX_PAYLOAD + 1))).toThrow(RangeError);
  });

  test('an error packet is one printable line', () => {
    expect(errPacket('no\nsuch\x1b thing').toString()).toBe('0017ERR no?such? thing\n');
    expect(errPacket('x'.repeat(100_000)).length).toBeLessThan(1100);
  });
});

describe('reading', () => {
  const stream = Buffer.concat([pktLine('one\n'), FLUSH, DELIM, pktLine(''), RESPONSE_END, pktLine('two'), FLUSH]);
  const expected = ['one\n', 'flush', 'delim', '', 'response-end', 'two', 'flush'];

  test('whatever the chunks', () => {
    for (let size = 1; size <= stream.length; size++) {
      const reader = new PktLineReader();
      const got: string[] = [];
      for (let at = 0; at < stream.length; at += size) {
        reader.feed(stream.subarray(at, at + size));
        for (let packet = reader.next(); packet !== undefined; packet = reader.next()) got.push(show(packet));
      }
      reader.end();
      expect(got).toEqual(expected);
    }
  });

  test('hands out what follows the packets', () => {
    const reader = new PktLineReader();
    reader.feed(Buffer.concat([pktLine('x'), FLUSH, Buffer.from('PACK...')]));
    expect([reader.next(), reader.next()].map((packet) => packet?.type)).toEqual(['data', 'flush']);
    expect(reader.rest().toString()).toBe('PACK...');
    expect(reader.rest().length).toBe(0);
    reader.end();
  });

  test.each(['0003', 'fff1', 'ffff', 'zzzz', '-001', '+004', '0x04', ' 004', 'PACK'])(
    'refuses the length %j',
    (length) => {
      expect(() => [...readPackets(Buffer.from(`${length}abc`))]).toThrow(ProtocolError);
    },
  );

  test('refuses input that ends inside a packet', () => {
    for (const text of ['0', '000', '0005', '0009abcd']) {
      expect(() => [...readPackets(Buffer.from(text))]).toThrow(ProtocolError);
    }
    expect([...readPackets(Buffer.alloc(0))]).toEqual([]);
  });

  test('chomp takes one newline', () => {
    expect(chomp(Buffer.from('a\n\n')).toString()).toBe('a\n');
    expect(chomp(Buffer.from('a')).toString()).toBe('a');
    expect(chomp(Buffer.alloc(0)).length).toBe(0);
  });
});

describe('side-band', () => {
  test.each([SIDEBAND_64K, SIDEBAND_SMALL])('splits at %i bytes and loses nothing', (max) => {
    const data = Buffer.from(Array.from({ length: max * 2 + 7 }, (_, i) => i % 251));
    const packets = [...readPackets(sideband(CHANNEL.data, data, max))].flatMap((p) =>
      p.type === 'data' ? [p.payload] : [],
    );
    expect(packets.map((payload) => payload.length - 1)).toEqual([max, max, 7]);
    expect(packets.every((payload) => payload[0] === 1)).toBe(true);
    expect(Buffer.concat(packets.map((payload) => payload.subarray(1)))).toEqual(data);
  });

  test('text and nothing', () => {
    expect(sidebandText(CHANNEL.progress, 'hi\n').toString()).toBe('0008\x02hi\n');
    expect(sideband(CHANNEL.data, new Uint8Array()).length).toBe(0);
  });
});
