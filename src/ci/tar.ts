/** Writing tar streams in the ustar format with the long-name records of GNU tar (tar(5)), which every tar reads. */
const BLOCK = 512;
/** Longest name and link target that the header itself holds, bytes. */
const SHORT = 100;

export type TarEntry =
  | { kind: 'folder'; path: Buffer }
  | { kind: 'file'; path: Buffer; executable: boolean; data: Uint8Array }
  | { kind: 'link'; path: Buffer; target: Buffer };

/** What follows the last entry. */
export const TAR_END = Buffer.alloc(2 * BLOCK);

/** An entry with everything that precedes and pads it. Paths are relative, without "." and "..", which the caller checks. */
export function tarEntry(entry: TarEntry): Buffer {
  const data = entry.kind === 'file' ? entry.data : Buffer.alloc(0);
  const target = entry.kind === 'link' ? entry.target : Buffer.alloc(0);
  const mode = entry.kind === 'folder' || (entry.kind === 'file' && entry.executable) ? 0o755 : 0o644;
  const type = { folder: '5', file: '0', link: '2' }[entry.kind];
  const long = [...longRecord('K', target), ...longRecord('L', entry.path)];
  return Buffer.concat([...long, header(entry.path, target, mode, data.length, type), data, padding(data.length)]);
}

function longRecord(type: string, value: Buffer): Buffer[] {
  if (value.length <= SHORT) return [];
  const content = Buffer.concat([value, Buffer.of(0)]);
  const name = Buffer.from('././@LongLink');
  return [header(name, Buffer.alloc(0), 0o644, content.length, type), content, padding(content.length)];
}

function header(path: Buffer, target: Buffer, mode: number, size: number, type: string): Buffer {
  const block = Buffer.alloc(BLOCK);
  path.copy(block, 0, 0, SHORT);
  octal(block, mode, 100, 8);
  octal(block, 0, 108, 8);
  octal(block, 0, 116, 8);
  octal(block, size, 124, 12);
  octal(block, 0, 136, 12);
  block.fill(' ', 148, 156);
  block.write(type, 156, 'latin1');
  target.copy(block, 157, 0, SHORT);
  block.write('ustar\x0000', 257, 'latin1');
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

function octal(block: Buffer, value: number, at: number, width: number): void {
  block.write(`${value.toString(8).padStart(width - 1, '0')}\0`, at, 'latin1');
}

function padding(size: number): Buffer {
  return Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK);
}
