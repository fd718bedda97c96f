export { EMPTY_TREE, MAX_VIRTUAL_BASES, planMerge } from './plan.js';
export type { MergeInput, MergeLabels, MergePlan, MergeResult, NewObject } from './types.js';
