/** Parts of a node as they are while it is traced: the same, but each call that takes time is a span of the work at hand. */
import type { AppContext, FaultPoint } from './context.js';
import type { Database } from './db/index.js';
import type { PackEngine } from './packs/index.js';
import type { ObjectStore } from './storage/index.js';
import { inSpan, notePhase } from './telemetry/index.js';

type Args<K extends keyof PackEngine> = Parameters<PackEngine[K]>;

/** The phase of a push that begins at a named place. */
const PHASES: Partial<Record<FaultPoint, string | undefined>> = {
  'push.pack-received': 'push.index',
  'push.pack-indexed': 'push.connectivity',
  'push.before-commit': 'push.commit',
  'push.after-commit': undefined,
};

export function tracedEngine(engine: PackEngine): PackEngine {
  return {
    ...engine,
    index: (...args: Args<'index'>) => inSpan('pack.index', {}, () => engine.index(...args)),
    store: (...args: Args<'store'>) => {
      notePhase('push.store', 'push.connectivity');
      return engine.store(...args);
    },
    build: (...args: Args<'build'>) => {
      notePhase('fetch.build', 'fetch.plan');
      return inSpan('pack.build', {}, () => engine.build(...args));
    },
    findReachable: (...args: Args<'findReachable'>) => inSpan('pack.reach', {}, () => engine.findReachable(...args)),
    unpack: (...args: Args<'unpack'>) => inSpan('pack.unpack', {}, () => engine.unpack(...args)),
    diff: (...args: Args<'diff'>) => inSpan('tree.diff', {}, () => engine.diff(...args)),
    merge: (...args: Args<'merge'>) => inSpan('tree.merge', {}, () => engine.merge(...args)),
  };
}

/** Calls themselves are told of by the store's observer; here it shows when a push begins to store. */
export function tracedObjects(objects: ObjectStore): ObjectStore {
  const stores = () => notePhase('push.store', 'push.connectivity');
  return {
    ...objects,
    put: (...args) => {
      stores();
      return objects.put(...args);
    },
    putFile: (...args) => {
      stores();
      return objects.putFile(...args);
    },
  };
}

export function tracedDatabase(db: Database): Database {
  return { ...db, transaction: (work) => inSpan('db.transaction', {}, () => db.transaction(work)) };
}

export function tracedFaultPoint(faultPoint: AppContext['faultPoint']): AppContext['faultPoint'] {
  return (point) => {
    if (point in PHASES) notePhase(PHASES[point]);
    // The commit may have begun meanwhile.
    if (point === 'push.pack-stored') notePhase('push.prepare', 'push.store');
    return faultPoint(point);
  };
}
