import type { Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { StoredInfo } from '../contract.js';
import { failingAs, isMissing } from './failure.js';

/** Yields every file whose key starts with `prefix`, in key order; only one folder per level is held in memory. */
export async function* walk(root: string, prefix: string): AsyncIterable<StoredInfo> {
  const cut = prefix.lastIndexOf('/') + 1;
  yield* below(root, prefix.slice(0, cut), prefix.slice(cut));
}

async function* below(root: string, folder: string, start: string): AsyncIterable<StoredInfo> {
  for (const entry of sorted(await entries(join(root, folder)))) {
    if (entry.name.startsWith('.') || !entry.name.startsWith(start)) continue;
    const key = folder + entry.name;
    if (entry.isDirectory()) {
      yield* below(root, `${key}/`, '');
    } else if (entry.isFile()) {
      const file = await failingAs('OBJECT_STORAGE_ERROR', () => stat(join(root, key)).catch(orUndefined));
      if (file !== undefined) yield { key, size: file.size, modifiedAt: file.mtime };
    }
  }
}

/** Key order compares whole keys, so the folder `a` sorts as `a/`: behind `a-b`, before `ab`. */
function sorted(items: Dirent[]): Dirent[] {
  const rank = (item: Dirent) => (item.isDirectory() ? `${item.name}/` : item.name);
  return items.sort((one, two) => (rank(one) < rank(two) ? -1 : 1));
}

/** The folder's entries; a folder that does not exist, or was deleted meanwhile, has none. */
export async function entries(folder: string): Promise<Dirent[]> {
  return (
    (await failingAs('OBJECT_STORAGE_ERROR', () => readdir(folder, { withFileTypes: true }).catch(orUndefined))) ?? []
  );
}

function orUndefined(error: unknown): undefined {
  if (!isMissing(error)) throw error;
}
