/** Repositories: looking them up, showing, listing, creating, changing and deleting them. */
export { reposApi } from './api.js';
export { checkRepositoryName, refuseTakenName } from './create.js';
export { forgetRepository, removeRepository } from './delete.js';
export { repoRoutes } from './routes.js';
export { repositoryObject } from './schemas.js';
export {
  findPublicRepositories,
  findRepositoriesOf,
  findRepositoryById,
  findRepositoryByName,
  insertRepository,
  lockRepository,
  type NewRepository,
  type Repository,
} from './store.js';
export { type RepositoryView, repositoryView } from './view.js';
export { visibleRepository } from './visible.js';
