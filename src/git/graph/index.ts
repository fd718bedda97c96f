export { CommitGraph } from './commit-graph.js';
export { ExtendedGraph } from './extended-graph.js';
export type { TagTarget } from './load.js';
export {
  decodeSegment,
  encodeSegment,
  measureSegment,
  mergeSegments,
  readSegment,
  type Segment,
  type SegmentCommit,
  type SegmentTag,
  type SegmentVisitor,
} from './segment.js';
export type { ShallowBorder } from './shallow.js';
export { GraphError, type WalkLimits } from './walk.js';
