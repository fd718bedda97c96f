/** What a repository should hold, and random objects made without git, so that thousands of steps take minutes. */
import { createHash } from 'node:crypto';
import { encodeCommit, encodeTag, encodeTree, objectId } from '../../src/git/index.js';
import type { ObjectType } from '../../src/git/objects/type.js';
import type { Random } from './random-packs.js';
import { whole } from './raw-pack.js';

export interface ModelObject {
  type: ObjectType;
  data: Buffer;
  /** Ids that it names. */
  names: string[];
}

const PERSON = { name: 'a', email: 'a@x', time: 1_700_000_000, timezone: '+0000' };

export class ObjectModel {
  readonly objects = new Map<string, ModelObject>();
  readonly #random: Random;
  #count = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** A commit with a tree of its own over some old and some new files. */
  commit(parents: readonly string[]): string {
    const blobs = [...this.objects].filter(([, { type }]) => type === 'blob').map(([oid]) => oid);
    const files = new Map<string, string>();
    for (let i = 0; i < 3; i++) {
      const old = blobs[this.#random(blobs.length * 3 + 1)];
      files.set(`f${i}`, old ?? this.#add('blob', Buffer.from(`blob ${this.#next()}\n`.repeat(5)), []));
    }
    const entries = [...files].map(([name, oid]) => ({ mode: 0o100644, name, oid }));
    const tree = this.#add('tree', encodeTree(entries), [...files.values()]);
    const data = encodeCommit({
      tree,
      parents: [...parents],
      author: PERSON,
      committer: PERSON,
      message: `${this.#next()}\n`,
    });
    return this.#add('commit', data, [tree, ...parents]);
  }

  tag(target: string): string {
    const data = encodeTag({ object: target, type: 'commit', tag: `t${this.#next()}`, tagger: PERSON, message: 'm\n' });
    return this.#add('tag', data, [target]);
  }

  /** Everything that these reach, themselves included. */
  reach(oids: Iterable<string>, without: ReadonlySet<string> = new Set()): Set<string> {
    const seen = new Set<string>();
    const pending = [...oids];
    for (let oid = pending.pop(); oid !== undefined; oid = pending.pop()) {
      if (seen.has(oid) || without.has(oid)) continue;
      seen.add(oid);
      pending.push(...this.objects.get(oid)!.names);
    }
    return seen;
  }

  /** A pack of these objects. */
  pack(oids: ReadonlySet<string>): Buffer {
    const header = Buffer.from('PACK\0\0\0\x02\0\0\0\0', 'latin1');
    header.writeUInt32BE(oids.size, 8);
    const entries = [...oids].map((oid) => whole(this.objects.get(oid)!.type, this.objects.get(oid)!.data));
    const body = Buffer.concat([header, ...entries]);
    return Buffer.concat([body, createHash('sha1').update(body).digest()]);
  }

  #next(): string {
    this.#count += 1;
    return `${this.#count} ${this.#random(1e9)}`;
  }

  #add(type: ObjectType, data: Buffer, names: string[]): string {
    const oid = objectId(type, data);
    this.objects.set(oid, { type, data, names });
    return oid;
  }
}
