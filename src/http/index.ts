export { httpApi } from './api.js';
export { createApp } from './app.js';
export { api } from './descriptions.js';
export { type Listening, listen } from './listen.js';
