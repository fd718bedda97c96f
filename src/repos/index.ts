/** Repositories: looking them up, showing them, creating them. */
export { repoRoutes } from './routes.js';
export {
  findPublicRepositories,
  findRepositoriesOf,
  findRepositoryById,
  findRepositoryByName,
  type Repository,
} from './store.js';
export { type RepositoryView, repositoryView } from './view.js';
export { visibleRepository } from './visible.js';
