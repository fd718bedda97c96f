/** Reconciliation: checks that compare what the system says of itself with what is there. */
export type { Check, CheckType, Drift } from './contract.js';
export { checkRestore, type RestoreReport } from './restore-check.js';
export { CHECKS, type CheckResult, reconcileDue, reconcileNow } from './schedule.js';
