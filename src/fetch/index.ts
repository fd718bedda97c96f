/** Serving fetches and clones. */
export { auditFetch } from './audit.js';
export { type DepthInput, type DepthPlan, planDepth } from './depth.js';
export { type LinkedFetch, linkPacks, type PackLink } from './links.js';
export type { PlanInput } from './plan.js';
export { type PreparedPack, preparePack } from './prepare.js';
export { objectSizes } from './sizes.js';
export { type ByteSink, type Framing, streamPack } from './stream-pack.js';
export { visibleObjects } from './visible.js';
export { type ResolvedWants, resolveWants, WantRefused } from './wants.js';
