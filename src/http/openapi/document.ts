/** The OpenAPI 3.1 document of a node, made from the descriptions of its routes. */
import type { RouteDescription } from '../../routing/index.js';
import { COMPONENTS } from './components.js';
import { ERROR_TABLE, GUIDE } from './guide.js';
import { type Operation, operation } from './operation.js';

export interface OpenApiDocument {
  openapi: '3.1.0';
  info: { title: string; version: string; description: string };
  servers: { url: string }[];
  tags: { name: string }[];
  paths: Record<string, Record<string, Operation>>;
  components: typeof COMPONENTS;
  'x-errors': typeof ERROR_TABLE;
}

/** Of the wire contract, not of the program. */
const API_VERSION = '1.0.0';

/** @param server base URL that clients dial */
export function openApiDocument(routes: readonly RouteDescription[], server: string): OpenApiDocument {
  const paths: OpenApiDocument['paths'] = {};
  for (const route of routes) {
    for (const path of [route.path, ...(route.aliases ?? [])]) {
      paths[path] = { ...paths[path], [route.method]: operation(route, path) };
    }
  }
  const tags = [...new Set(routes.map(({ tag }) => tag))];
  return {
    openapi: '3.1.0',
    info: { title: 'GitClaw', version: API_VERSION, description: GUIDE },
    servers: [{ url: server }],
    tags: tags.map((name) => ({ name })),
    paths,
    components: COMPONENTS,
    'x-errors': ERROR_TABLE,
  };
}
