import { z } from 'zod';
import { loadSnapshot } from '../catalog/index.js';
import type { AppContext } from '../context.js';
import type { Repository } from '../repos/index.js';
import { branchHeads } from './branches.js';
import { compared, comparedTrees } from './comparison.js';
import type { Pull } from './store.js';
import { diffTrees } from './trees.js';

const lineNumber = z.int().min(1).optional();
const counter = z.int().min(0);

/** Changed files as they leave; keys that do not apply are absent, as in FileDiff of git/diff. */
export const pullDiff = z.object({
  files: z.array(
    z.object({
      path: z.string(),
      oldPath: z.string().optional(),
      status: z.enum(['added', 'modified', 'deleted', 'renamed']),
      binary: z.boolean(),
      insertions: counter,
      deletions: counter,
      hunks: z.array(
        z.object({
          oldStart: counter,
          oldLines: counter,
          newStart: counter,
          newLines: counter,
          lines: z.array(
            z.object({
              type: z.enum(['context', 'addition', 'deletion']),
              content: z.string(),
              oldLine: lineNumber,
              newLine: lineNumber,
            }),
          ),
        }),
      ),
    }),
  ),
});

/**
 * What a pull request changes: merge base … head, for a merged one as of the merge.
 * @throws AppError PAYLOAD_TOO_LARGE beyond the limits of the pack engine
 */
export async function diffPull(ctx: AppContext, repo: Repository, pull: Pull): Promise<z.output<typeof pullDiff>> {
  const heads = await branchHeads(ctx, repo);
  const snapshot = await loadSnapshot(ctx, repo.repoId);
  const pair = compared(snapshot, pull, heads);
  if (pair === undefined) return { files: [] };
  const { files } = await diffTrees(ctx, snapshot, comparedTrees(snapshot, pair), 'hunks');
  return { files };
}
