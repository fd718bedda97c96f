/**
 * Pairs deleted with added files, in git's order of trust (gitdiffcore, "diffcore-rename"): equal content first, then
 * files whose base name is unique on both sides, then the most similar pairs of all that are left.
 */
import type { ObjectSource, WorkMeter } from '../objects/source.js';
import { matchByBasename } from './renames-basename.js';
import { matchExact } from './renames-exact.js';
import type { RenameHints } from './renames-hints.js';
import { matchBySimilarity } from './renames-matrix.js';
import type { RenameCandidate, Source, Target } from './renames-types.js';
import { MAX_SCORE, Similarity } from './similarity.js';
import { EMPTY_BLOB } from './store.js';

export interface RenameRequest {
  deleted: readonly RenameCandidate[];
  added: readonly RenameCandidate[];
  /** Inexact matching is skipped for more pairs than the square of this. */
  limit: number;
  /** Whether files without content may be paired. */
  withEmpty: boolean;
  /** What a merge knows beyond the two lists. */
  hints?: RenameHints;
}

/** Half of the content must be the same; files of one base name need three quarters, as that is checked earlier. */
const MIN_SCORE = MAX_SCORE / 2;
const MIN_BASENAME_SCORE = (MAX_SCORE * 3) / 4;

/** The old file of each added path that is a rename. */
export function findRenames(
  source: ObjectSource,
  request: RenameRequest,
  meter: WorkMeter,
): Map<string, RenameCandidate> {
  const { hints } = request;
  const fits = ({ oid }: RenameCandidate) => request.withEmpty || oid !== EMPTY_BLOB;
  const targets: Target[] = request.added.filter(fits).map((file) => ({ ...file, source: undefined }));
  let sources: Source[] = request.deleted.filter(fits).map((file) => ({ ...file, used: false }));
  if (targets.length > 0 && sources.length > 0) {
    matchExact(sources, targets);
    sources = sources.filter((file) => !file.used);
    hints?.start(targets);
    const similarity = new Similarity(source, meter);
    matchByBasename(sources, targets, similarity, MIN_BASENAME_SCORE, hints);
    sources = sources.filter((file) => !file.used && (hints === undefined || hints.isRelevant(file.path)));
    if (hints !== undefined) sources = hints.stillNeeded(sources);
    const open = targets.filter((target) => target.source === undefined);
    if (open.length > 0 && sources.length > 0 && open.length * sources.length <= request.limit ** 2) {
      matchBySimilarity(sources, open, similarity, MIN_SCORE, hints);
    }
  }
  hints?.finish();
  return new Map(targets.flatMap(({ path, source }) => (source === undefined ? [] : [[path, source]])));
}
