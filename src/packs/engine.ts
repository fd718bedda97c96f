/** The pack engine over pools of worker threads. */
import { availableParallelism } from 'node:os';
import { MessageChannel } from 'node:worker_threads';
import { Piscina } from 'piscina';
import { AppError } from '../errors.js';
import type { TreeDiff } from '../git/diff/index.js';
import type { Oid } from '../git/oid.js';
import { together } from '../parallel.js';
import type {
  BaseSource,
  BuildResult,
  CombineResult,
  IndexResult,
  LocalPack,
  MergeOutcome,
  PackEngine,
  PinnedPack,
  UnpackBatch,
} from './contract.js';
import { gateFor } from './gate.js';
import { attempt, type BaseQuestion, type Result, type Task, unwrap } from './messages.js';

export interface PackEngineOptions {
  /** Workers for receiving and building; default one for each core. */
  threads?: number;
  /** JavaScript heap of one worker, MiB; buffers do not count. A worker that needs more ends, and its task fails. */
  workerHeapMb?: number;
}

/** Reading one object takes milliseconds, and must not wait behind a large push. */
const READ_THREADS = 2;

/** Those who store wait for the disk most of the time. */
const STORE_THREADS = 2;

/**
 * Idle workers go after this, milliseconds. Those for pushes and fetches have compiled code, which costs a new one half a
 * second of processor time; one that unpacked a pack has little but buffers.
 */
const IDLE_MS = { heavy: 300_000, reads: 30_000, stores: 300_000, background: 5_000, maintenance: 30_000 } as const;

/** What tasks drop at once must not fill as much memory as Node allows it by default, MiB. */
const YOUNG_HEAP_MB = 12;

/**
 * Starts a pack engine. Workers start with the first call and go when idle. What may take minutes and nobody waits for has
 * a worker of its own: pushes and fetches find theirs free.
 */
export function createPackEngine(options: PackEngineOptions = {}): PackEngine {
  const heavy = pool('heavy', options.threads ?? availableParallelism(), options);
  const reads = pool('reads', READ_THREADS, options);
  const stores = pool('stores', STORE_THREADS, options);
  const background = pool('background', 1, options);
  const maintenance = pool('maintenance', 1, options);
  return {
    index: (request, bases) => withBases(bases, (port) => run<IndexResult>(heavy, { kind: 'index', request, port })),
    build: (request) =>
      run<BuildResult>(heavy, { kind: 'build', request: { ...request, packs: request.packs.map(plain) } }),
    findReachable: (request) =>
      run<Uint8Array>(heavy, { kind: 'reach', request: { ...request, packs: request.packs.map(plain) } }),
    combine: ({ packs, besides = [], ...request }) => {
      const plainRequest = { ...request, packs: packs.map(plain), besides: besides.map(plain) };
      return run<CombineResult>(maintenance, { kind: 'combine', request: plainRequest });
    },
    findDangling: ({ packs, among }) =>
      run<Oid | undefined>(maintenance, {
        kind: 'dangling',
        request: { packs: packs.map(plain), among: among.map(plain) },
      }),
    read: (packs, oid) => run(reads, { kind: 'read', packs: packs.map(plain), oid }),
    unpack: (pack, from, folder, into) =>
      run<UnpackBatch>(background, { kind: 'unpack', pack: plain(pack), from, folder, into }),
    async store(write, leave) {
      await together(leave, run<void>(stores, { kind: 'store', write, gate: gateFor(leave) }));
    },
    diff: (request) => run<TreeDiff>(heavy, { kind: 'diff', request: { ...request, packs: request.packs.map(plain) } }),
    merge: (request) =>
      run<MergeOutcome>(heavy, { kind: 'merge', request: { ...request, packs: request.packs.map(plain) } }),
    async close() {
      await Promise.all([heavy, reads, stores, background, maintenance].map((workers) => workers.close()));
    },
  };
}

/** Callers hand in pinned packs too, whose `release` cannot cross to a worker. */
function plain({ hash, packPath, idxPath, metaPath }: LocalPack): LocalPack {
  return { hash, packPath, idxPath, metaPath };
}

function pool(kind: keyof typeof IDLE_MS, threads: number, { workerHeapMb }: PackEngineOptions): Piscina {
  // From sources the worker is TypeScript, which the thread must learn to load; a build has plain JavaScript beside it.
  const fromSource = import.meta.url.endsWith('.ts');
  return new Piscina({
    filename: new URL(fromSource ? './worker.ts' : './worker.js', import.meta.url).href,
    execArgv: fromSource ? ['--import', 'tsx'] : [],
    minThreads: 0,
    maxThreads: Math.max(1, threads),
    idleTimeout: IDLE_MS[kind],
    // Tasks take milliseconds to minutes; a worker spinning for the next one would burn a core.
    atomics: 'disabled',
    resourceLimits: {
      maxYoungGenerationSizeMb: YOUNG_HEAP_MB,
      ...(workerHeapMb !== undefined && { maxOldGenerationSizeMb: workerHeapMb }),
    },
  });
}

async function run<T>(workers: Piscina, task: Task): Promise<T> {
  const transferList = task.kind === 'index' ? [task.port] : [];
  let result: Result<T>;
  try {
    result = await workers.run(task, { transferList });
  } catch (error) {
    // The worker died, for example for want of memory. The pool replaces it.
    throw new AppError('INTERNAL_ERROR', { cause: error });
  }
  return unwrap(result);
}

/** Answers a worker's questions for bases while `work` lasts. */
async function withBases<T>(bases: BaseSource, work: (port: MessageChannel['port2']) => Promise<T>): Promise<T> {
  const { port1, port2 } = new MessageChannel();
  const asked: Promise<unknown>[] = [];
  const held: PinnedPack[] = [];
  const find = async (oid: Oid): Promise<LocalPack | undefined> => {
    const pack = await bases.find(oid);
    if (pack !== undefined) held.push(pack);
    return pack && plain(pack);
  };
  port1.on('message', ({ oid }: BaseQuestion) => {
    asked.push(attempt(() => find(oid)).then((answer) => port1.postMessage(answer)));
  });
  try {
    return await work(port2);
  } finally {
    // A worker that died leaves a question open, whose answer would hold a pack for ever.
    await Promise.all(asked);
    port1.close();
    for (const pack of held) pack.release();
  }
}
