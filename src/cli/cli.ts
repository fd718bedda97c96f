/** What a command may touch of the process; handed in so that only the entry file knows `process`. */
import type { Readable } from 'node:stream';
import type { Launcher } from './launcher.js';

export type Env = Readonly<Record<string, string | undefined>>;

export interface Cli {
  readonly env: Env;
  /** Folder the program was started in. */
  readonly cwd: string;
  readonly stdin: Readable;
  out(text: string): void;
  /** For people: results never go here. */
  err(text: string): void;
  /** How this program was started, so that git can start it again. */
  readonly launcher: Launcher;
  /** Resolves when the process is asked to end (SIGINT, SIGTERM). */
  stopRequested(): Promise<void>;
}

/** Prints a result: the whole value with `--json`, the text otherwise. */
export function print(cli: Cli, options: { json?: boolean }, value: unknown, text: string): void {
  if (options.json) cli.out(`${JSON.stringify(value, null, 2)}\n`);
  else if (text !== '') cli.out(`${text}\n`);
}

/** Two columns, the first padded. */
export function table(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([label]) => label.length));
  return rows.map(([label, value]) => `${label.padEnd(width)}  ${value}`).join('\n');
}
