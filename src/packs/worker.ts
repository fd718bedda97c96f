/** Entry point of a worker thread: one task at a time. */
import type { MessagePort } from 'node:worker_threads';
import type { Oid } from '../git/oid.js';
import type { ReadBase } from '../git/pack/index-thin.js';
import { RecentObjects } from '../git/pack/recent-objects.js';
import { IdleCollector } from '../idle-collector.js';
import { writeBatch } from '../storage/index.js';
import { lowerPriority } from './background.js';
import type { IndexResult, LocalPack } from './contract.js';
import { pass } from './gate.js';
import { attempt, type BaseAnswer, type BaseQuestion, type Result, type Task, unwrap } from './messages.js';
import { buildPack } from './tasks/build.js';
import { combinePacks } from './tasks/combine.js';
import { findDangling } from './tasks/dangling.js';
import { diffTask } from './tasks/diff.js';
import { indexPack } from './tasks/index-pack.js';
import { mergeTask } from './tasks/merge.js';
import { findReachable } from './tasks/reach.js';
import { readObject } from './tasks/read.js';
import { unpackBatch } from './tasks/unpack.js';

/** What a thread may keep of its last task, bytes: as much as of one that indexes some ten thousand objects. */
const KEPT_BYTES = 64 * 1024 * 1024;

const collector = new IdleCollector({ worthBytes: KEPT_BYTES });
const recent = new RecentObjects();

/** The pause of {@link IdleCollector.soon} after a merge: while pushes come they follow each other by seconds. */
const BETWEEN_MERGES_MS = 10_000;

export default async function work(task: Task): Promise<Result<unknown>> {
  collector.notNow();
  const result = await attempt(() => run(task));
  collector.soon(task.kind === 'combine' ? BETWEEN_MERGES_MS : undefined);
  return result;
}

async function run(task: Task): Promise<unknown> {
  switch (task.kind) {
    case 'index': {
      // Without the check an id does not stand for one content in all repositories.
      const kept = task.request.collisionCheck === false ? undefined : recent;
      return withoutSpare(await indexPack(task.request, askOver(task.port, kept), kept));
    }
    case 'build': {
      const { data, ...built } = await buildPack(task.request);
      return data === undefined ? built : { ...built, data: compact(data) };
    }
    case 'reach':
      return findReachable(task.request);
    case 'combine':
      lowerPriority();
      return combinePacks(task.request);
    case 'dangling':
      lowerPriority();
      return findDangling(task.request);
    case 'read': {
      const object = await readObject(task.packs, task.oid);
      return object === undefined ? undefined : { ...object, data: compact(object.data) };
    }
    case 'diff':
      return diffTask(task.request);
    case 'merge': {
      const { steps, objects } = await mergeTask(task.request);
      return { steps, objects: objects.map((object) => ({ ...object, content: compact(object.content) })) };
    }
    case 'store':
      return writeBatch(task.write.root, task.write.bodies, task.write.files, () => pass(task.gate));
    case 'unpack': {
      lowerPriority();
      const batch = await unpackBatch(task.pack, task.from, task.folder, task.into);
      return { ...batch, loose: batch.loose.map((object) => ({ ...object, body: compact(object.body) })) };
    }
  }
}

function askOver(port: MessagePort, kept: RecentObjects | undefined): ReadBase {
  const find = (oid: Oid) =>
    new Promise<LocalPack | undefined>((resolve, reject) => {
      port.once('message', (answer: BaseAnswer) => {
        try {
          resolve(unwrap(answer));
        } catch (error) {
          reject(error);
        }
      });
      const question: BaseQuestion = { oid };
      port.postMessage(question);
    });
  return async (oid) => {
    const pack = await find(oid);
    return pack && (kept?.find(oid) ?? readObject([pack], oid));
  };
}

function withoutSpare({ tables, ...result }: IndexResult): IndexResult {
  if (tables === undefined) return result;
  return { ...result, tables: { idx: compact(tables.idx), meta: compact(tables.meta) } };
}

/** Cloning a view clones all of the memory behind it. */
function compact(bytes: Uint8Array): Uint8Array {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : new Uint8Array(bytes);
}
