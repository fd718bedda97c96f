export { httpApi } from './api.js';
export { createApp } from './app.js';
export { api } from './descriptions.js';
export { beginDraining, markDraining } from './health/index.js';
export { type Listening, listen } from './listen.js';
export { createServiceApp } from './service-app.js';
