import { sameBasename } from './renames-names.js';
import type { Source, Target } from './renames-types.js';
import { isRegular } from './store.js';

/** Copies of one content that are looked at for each target; more are alike anyway. */
const MAX_ALTERNATIVES = 100;

/** Pairs files of equal content, preferring those that keep their base name. */
export function matchExact(sources: readonly Source[], targets: readonly Target[]): void {
  const byContent = new Map<string, Source[]>();
  for (const source of sources) {
    const same = byContent.get(source.oid);
    if (same === undefined) byContent.set(source.oid, [source]);
    else same.push(source);
  }
  for (const target of targets) {
    let best: Source | undefined;
    let looked = 0;
    for (const source of byContent.get(target.oid) ?? []) {
      const sameKind = isRegular(source.mode) && isRegular(target.mode);
      if (source.used || (!sameKind && source.mode !== target.mode)) continue;
      const keepsName = sameBasename(source.path, target.path);
      if (best === undefined || keepsName) best = source;
      looked++;
      if (keepsName || looked === MAX_ALTERNATIVES) break;
    }
    if (best === undefined) continue;
    best.used = true;
    target.source = best;
  }
}
