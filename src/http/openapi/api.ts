import { z } from 'zod';
import type { RouteDescription } from '../../routing/index.js';

const document = z.looseObject({
  openapi: z.literal('3.1.0'),
  info: z.object({ title: z.string(), version: z.string(), description: z.string() }),
  paths: z.record(z.string(), z.record(z.string(), z.looseObject({}))),
});

export const openApiApi: readonly RouteDescription[] = [
  {
    method: 'get',
    path: '/openapi.json',
    operationId: 'openApi',
    tag: 'Service',
    summary: 'This document.',
    auth: 'open',
    status: 200,
    data: document,
    bare: true,
  },
  {
    method: 'get',
    path: '/docs',
    operationId: 'docs',
    tag: 'Service',
    summary: 'The same as a page.',
    auth: 'open',
    status: 200,
    data: z.string(),
    bare: true,
    contentType: 'text/html',
  },
];
