export { WritableObjects } from './context.js';
export { MAX_MERGE_BYTES, MAX_MERGE_PATHS } from './limits.js';
export { DEFAULT_LABELS, mergeTrees } from './merge.js';
export { MAX_VIRTUAL_BASES, planMerge } from './plan.js';
export type { MergeInput, MergeLabels, MergePlan, MergeResult, NewObject } from './types.js';
