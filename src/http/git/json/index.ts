/** The git services as JSON, for clients that speak no pkt-line. */
export { jsonGitApi } from './api.js';
export { jsonClone } from './clone.js';
export { jsonReceivePack } from './receive-pack.js';
export { jsonUploadPack } from './upload-pack.js';
