/** How to start this very program again from a shell, wherever it was installed and whatever is on the PATH. */
import { isAbsolute, resolve } from 'node:path';

export interface Launcher {
  /** Absolute path of node. */
  node: string;
  /** Flags that node itself was given. */
  flags: readonly string[];
  /** Absolute path of the entry file. */
  script: string;
}

/** A POSIX shell command line (git runs helpers through `sh` on every system). */
export function shellCommand(launcher: Launcher, args: readonly string[]): string {
  return [launcher.node, ...loaders(launcher.flags), launcher.script, ...args].map(quote).join(' ');
}

/** Module loaders must be kept (a checkout may run its sources through one) and found from any folder; other flags are dropped. */
function loaders(flags: readonly string[]): string[] {
  const kept: string[] = [];
  for (let i = 0; i < flags.length; i += 1) {
    const [name = '', ...rest] = (flags[i] ?? '').split('=');
    if (!['--import', '--require', '-r'].includes(name)) continue;
    const value = rest.length > 0 ? rest.join('=') : flags[++i];
    if (value !== undefined) kept.push(name, absolute(value, name === '--import'));
  }
  return kept;
}

function absolute(specifier: string, isImport: boolean): string {
  if (isAbsolute(specifier) || /^(file|data|node):/.test(specifier)) return specifier;
  if (/^\.\.?[\\/]/.test(specifier)) return resolve(specifier);
  return isImport ? import.meta.resolve(specifier) : specifier;
}

function quote(word: string): string {
  const slashes = process.platform === 'win32' ? word.replaceAll('\\', '/') : word;
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(slashes) ? slashes : `'${slashes.replaceAll("'", `'\\''`)}'`;
}
