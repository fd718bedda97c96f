/**
 * Puts functions into a module (WebAssembly core specification 2.0, "Binary Format"). Modules are assembled when they are
 * first needed: some kilobytes, once per thread.
 */
import { I32, leb, section, text } from './assembler.js';

export interface ModuleFunction {
  name: string;
  /** How many numbers it takes and gives. */
  takes: number;
  gives: 0 | 1;
  /** Its locals and code. */
  body: () => number[];
}

const numbers = (count: number) => [count, ...Array<number>(count).fill(I32)];
const vector = (items: number[][]) => [...leb(items.length), ...items.flat()];

/** The bytes of a module that exports the functions and imports `host.memory`. */
export function assemble(functions: readonly ModuleFunction[]): Uint8Array<ArrayBuffer> {
  const bodies = functions.map(({ body }) => body()).map((code) => leb(code.length).concat(code));
  return Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, vector(functions.map(({ takes, gives }) => [0x60, ...numbers(takes), ...numbers(gives)]))),
    ...section(2, [1, ...text('host'), ...text('memory'), 2, 0, 1]),
    ...section(3, vector(functions.map((_, i) => [i]))),
    ...section(7, vector(functions.map(({ name }, i) => [...text(name), 0, i]))),
    ...section(10, vector(bodies)),
  ]);
}
