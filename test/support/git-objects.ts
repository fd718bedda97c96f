/** Every object of a local repository in memory, as the source that diffs and merges read from. */
import { execFileSync } from 'node:child_process';
import type { NewObject } from '../../src/git/merge/index.js';
import type { GitObject, ObjectSource, ObjectType, WorkMeter } from '../../src/git/objects/index.js';

export class MemoryObjects implements ObjectSource {
  readonly #objects = new Map<string, GitObject>();

  /** Reads a repository with one call of `git cat-file`. */
  static fromRepository(dir: string): MemoryObjects {
    const all = new MemoryObjects();
    const args = ['cat-file', '--batch', '--batch-all-objects', '--unordered'];
    const out = execFileSync('git', args, { cwd: dir, maxBuffer: 1 << 30 });
    for (let at = 0; at < out.length; ) {
      const lf = out.indexOf(0x0a, at);
      const [oid, type, size] = out.toString('latin1', at, lf).split(' ');
      const end = lf + 1 + Number(size);
      all.#objects.set(oid!, { type: type as ObjectType, data: out.subarray(lf + 1, end) });
      at = end + 1;
    }
    return all;
  }

  add(objects: readonly NewObject[]): void {
    for (const { oid, type, content } of objects) this.#objects.set(oid, { type, data: content });
  }

  read(oid: string): GitObject | undefined {
    return this.#objects.get(oid);
  }

  size(oid: string): number | undefined {
    return this.#objects.get(oid)?.data.length;
  }
}

/** Counts the work and never ends it. */
export class CountingMeter implements WorkMeter {
  steps = 0;

  spend(steps: number): void {
    this.steps += steps;
  }
}
