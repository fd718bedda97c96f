/** Orders commits for a graph segment. */
import type { SegmentCommit } from '../graph/segment.js';

/** Parents before children as far as both are given; otherwise the order of `commits` is kept. */
export function parentsFirst(commits: readonly SegmentCommit[]): SegmentCommit[] {
  const positions = new Map(commits.map((commit, position) => [commit.oid, position]));
  const ordered: SegmentCommit[] = [];
  const begun = new Uint8Array(commits.length);
  const stack: { commit: SegmentCommit; next: number }[] = [];
  const begin = (position: number) => {
    if (begun[position]) return;
    begun[position] = 1;
    stack.push({ commit: commits[position]!, next: 0 });
  };
  for (let position = 0; position < commits.length; position++) {
    begin(position);
    while (stack.length > 0) {
      const top = stack[stack.length - 1]!;
      const parent = top.commit.parents[top.next++];
      if (parent === undefined) ordered.push(stack.pop()!.commit);
      else {
        const at = positions.get(parent);
        if (at !== undefined) begin(at);
      }
    }
  }
  return ordered;
}
