/** Reading repositories without git: branches, history, directories, files. */
export { browseApi } from './api.js';
export { browseRoutes } from './routes.js';
