/** `gitclaw doctor`: is everything there that a node needs, and what to do where it is not. */
export type { Finding, Status } from './contract.js';
export { examineAll } from './examine.js';
