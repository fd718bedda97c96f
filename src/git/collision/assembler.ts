/** Pieces of WebAssembly code (core specification 2.0, "Binary Format"). */

export const leb = (value: number): number[] => (value < 128 ? [value] : [(value & 127) | 128, ...leb(value >>> 7)]);
export const signedLeb = (value: number): number[] => {
  const byte = value & 127;
  const rest = value >> 7;
  return (rest === 0 && !(byte & 64)) || (rest === -1 && byte & 64) ? [byte] : [byte | 128, ...signedLeb(rest)];
};
export const get = (local: number) => [0x20, ...leb(local)];
export const set = (local: number) => [0x21, ...leb(local)];
export const tee = (local: number) => [0x22, ...leb(local)];
export const number = (value: number) => [0x41, ...signedLeb(value)];
export const loadWord = (offset: number) => [0x28, 2, ...leb(offset)];
export const storeWord = (offset: number) => [0x36, 2, ...leb(offset)];
export const vectorOp = (code: number) => [0xfd, ...leb(code)];
export const load = (offset: number) => [...vectorOp(0x00), 0, ...leb(offset)];
export const store = (offset = 0) => [...vectorOp(0x0b), 0, ...leb(offset)];
export const shuffle = (lanes: number[]) => [...vectorOp(0x0d), ...lanes];
export const [AND, AND_NOT, OR, XOR, ANY, SUM] = [0x4e, 0x4f, 0x50, 0x51, 0x53, 0xae].map(vectorOp) as [
  number[],
  number[],
  number[],
  number[],
  number[],
  number[],
];
export const shift = (code: number, bits: number) => (bits === 0 ? [] : [...number(bits), ...vectorOp(code)]);
export const left = (bits: number) => shift(0xab, bits);
export const spread = (bits: number) => shift(0xac, bits);
export const right = (bits: number) => shift(0xad, bits);
export const ADD = 0x6a;
export const SUB = 0x6b;
export const [I32, V128] = [0x7f, 0x7b] as const;

export function section(id: number, content: number[]): number[] {
  return [id, ...leb(content.length), ...content];
}

export const text = (name: string) => [...leb(name.length), ...Buffer.from(name, 'latin1')];
