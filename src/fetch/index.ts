/** Serving fetches and clones. */
export { auditFetch } from './audit.js';
export type { PlanInput } from './plan.js';
export { type PreparedPack, preparePack } from './prepare.js';
export { type ByteSink, type Framing, streamFile } from './stream-file.js';
export { type ResolvedWants, resolveWants, tipCommits, WantRefused } from './wants.js';
