/** The OpenAPI 3.1 document of a node, made from the descriptions of its routes. */
import type { RouteDescription } from '../../routing/index.js';
import { COMPONENTS } from './components.js';
import { ERROR_TABLE, GUIDE } from './guide.js';
import { type Forms, type Operation, operation } from './operation.js';

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
  for (const { path, method, forms } of addresses(routes)) {
    paths[path] = { ...paths[path], [method]: operation(forms, path) };
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

interface Address {
  path: string;
  method: string;
  /** The routes there; more than one when the type of the request chooses between them. */
  forms: Forms;
}

/** Every address once, aliases included, in the order of the routes. */
function addresses(routes: readonly RouteDescription[]): Address[] {
  const found = new Map<string, Address>();
  for (const route of routes) {
    for (const path of [route.path, ...(route.aliases ?? [])]) {
      const key = `${route.method} ${path}`;
      const known = found.get(key);
      if (known === undefined) found.set(key, { path, method: route.method, forms: [route] });
      else known.forms.push(route);
    }
  }
  return [...found.values()];
}
