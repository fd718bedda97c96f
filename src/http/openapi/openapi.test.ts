import { createPublicKey } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { send, startTestApp, type TestApp } from '../../../test/support/http.js';
import {
  canonicalEnvelope,
  decodeSignature,
  type JsonObject,
  parsePublicKey,
  verifySignature,
} from '../../signing/index.js';
import { api } from '../index.js';
import type { OpenApiDocument } from './document.js';
import { EXAMPLE_SIGNER, nestedExample } from './signing.js';

let app: TestApp;
let document: OpenApiDocument;
let page: string;
let policy: string;

beforeAll(async () => {
  app = await startTestApp();
  document = (await send(app.url, '/openapi.json')).json;
  const docs = await send(app.url, '/docs');
  page = docs.text;
  policy = String(docs.headers['content-security-policy']);
});
afterAll(() => app.close());

const operations = () =>
  Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ path, method, operation })),
  );

describe('GET /openapi.json', () => {
  it('has every described address once, with an operationId of its own', () => {
    expect(document.openapi).toBe('3.1.0');
    expect(document.servers).toEqual([{ url: app.url }]);
    const described = api.flatMap((route) =>
      [route.path, ...(route.aliases ?? [])].map((path) => `${route.method} ${path}`),
    );
    expect(
      operations()
        .map(({ method, path }) => `${method} ${path}`)
        .sort(),
    ).toEqual([...new Set(described)].sort());
    const ids = operations().map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('declares the parameters of every path, and refers only to what there is', () => {
    for (const { path, operation } of operations()) {
      const declared = operation.parameters.filter((each) => each.in === 'path').map((each) => each.name);
      expect([path, ...declared]).toEqual([path, ...[...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)]);
    }
    const references = JSON.stringify(document).match(/"\$ref":"[^"]+"/g) ?? [];
    expect(references.length).toBeGreaterThan(0);
    for (const reference of new Set(references)) {
      const keys = reference.slice('"$ref":"#/'.length, -1).split('/');
      const found = keys.reduce<unknown>((value, key) => (value as Record<string, unknown>)[key], document);
      expect(found, reference).toBeTypeOf('object');
    }
  });

  it('has both forms of a git service in one operation, told apart by the type of the request', () => {
    const services = [
      ['git-upload-pack', 'application/x-git-upload-pack-result', ['fetchPack', 'gitUploadPack']],
      ['git-receive-pack', 'application/x-git-receive-pack-result', ['gitReceivePack', 'pushPack']],
    ] as const;
    for (const [service, result, ids] of services) {
      const path = `/v1/repos/{repoId}/${service}`;
      const forms = api.filter((route) => route.path === path);
      expect(forms.map(({ operationId }) => operationId).sort()).toEqual(ids);
      const { requestBody, responses, security, ...rest } = document.paths[path]?.post ?? ({} as never);
      const requests = (requestBody as { content: Record<string, { examples?: object }> }).content;
      expect(Object.keys(requests).sort()).toEqual(['application/json', `application/x-${service}-request`]);
      expect(Object.keys(requests['application/json']?.examples ?? {})).toEqual(['nested', 'flat']);
      const answers = Object.keys(responses['200']?.content as object).sort();
      expect(answers).toEqual(service === 'git-upload-pack' ? [result] : ['application/json', result]);
      expect(new Set(security.map((each) => JSON.stringify(each))).size).toBe(security.length);
      expect(rest['x-actions']).toEqual(expect.arrayContaining(forms.flatMap(({ actions }) => actions ?? [])));
      for (const form of forms) {
        const codes = Object.values(responses).flatMap(({ description }) => String(description).split(', '));
        expect(codes).toEqual(
          expect.arrayContaining((form.errors ?? []).filter((code) => code !== 'PAYLOAD_TOO_LARGE')),
        );
      }
    }
  });

  it('says for every operation what a success is and which codes may come', () => {
    const codes = new Set(document['x-errors'].map(({ code }) => code));
    for (const { operation } of operations()) {
      expect(Object.keys(operation.responses).filter((status) => status < '300')).toHaveLength(1);
      expect(operation.summary).toMatch(/\S/);
      for (const [status, { description }] of Object.entries(operation.responses)) {
        if (status < '400') continue;
        for (const code of String(description).split(', ')) expect(codes).toContain(code);
      }
    }
  });

  it('answers the same bytes again, and does not echo a strange host', async () => {
    const [first, second] = await Promise.all([send(app.url, '/openapi.json'), send(app.url, '/openapi.json')]);
    expect(first.text).toBe(second.text);
    const odd = await send(app.url, '/openapi.json', { headers: { host: 'evil.example' } });
    expect(odd.text).not.toContain('evil.example');
  });
});

describe('examples', () => {
  const signed = api.filter((route) => route.auth === 'signed' && route.requestType === undefined);

  it('are signed by the key that the document names', () => {
    const key = parsePublicKey(EXAMPLE_SIGNER.publicKey);
    expect(key.type).toBe('ed25519');
    expect(createPublicKey(EXAMPLE_SIGNER.privateKey).asymmetricKeyType).toBe('ed25519');
    expect(document.info.description).toContain(EXAMPLE_SIGNER.publicKey);
    for (const route of signed) {
      const { agentId, action, timestamp, nonce, body, signature } = nestedExample(route) as Record<string, string> & {
        body: JsonObject;
      };
      const canonical = canonicalEnvelope({
        agentId: agentId!,
        action: action!,
        timestamp: timestamp!,
        nonce: nonce!,
        body: body as unknown as JsonObject,
      });
      expect(verifySignature(key, canonical, decodeSignature(signature!)!), route.operationId).toBe(true);
      expect(route.actions).toContain(action);
    }
  });

  it('are requests that the routes would parse, and answers that they would give', () => {
    for (const route of signed) {
      const { body } = nestedExample(route) as { body: unknown };
      expect(route.body?.safeParse(body).error?.issues ?? [], route.operationId).toEqual([]);
    }
    for (const route of api) {
      if (route.contentType !== undefined || route.operationId === 'openApi') continue;
      const success = document.paths[route.path]?.[route.method]?.responses[String(route.status)];
      const content = success?.content as Record<string, { example: unknown }> | undefined;
      const example = content?.['application/json']?.example;
      const data = route.bare ? example : (example as { data: unknown }).data;
      expect(route.data.safeParse(data).error?.issues ?? [], route.operationId).toEqual([]);
    }
  });
});

describe('GET /docs', () => {
  it('shows every operation and every code', () => {
    for (const { path, operation } of operations()) {
      expect(page).toContain(path);
      expect(page).toContain(operation.summary.replaceAll('&', '&amp;').split('`')[0]);
    }
    for (const { code } of document['x-errors']) expect(page).toContain(`<code>${code}</code>`);
    const anchors = [...page.matchAll(/href="#([^"]+)"/g)].map(([, id]) => id);
    for (const id of anchors) expect(page).toContain(`id="${id}"`);
    expect(new Set(page.match(/<section id="[^"]+"/g)).size).toBe(operations().length);
  });

  it('needs nothing from elsewhere and runs no script', () => {
    expect(policy).toMatch(
      /^default-src 'none'; style-src 'sha256-[A-Za-z0-9+/=]+'; base-uri 'none'; form-action 'none'/,
    );
    const tags = (page.match(/<[a-z][^>]*>/g) ?? []).join('\n');
    expect(tags).not.toMatch(/<script|<link|<img|<iframe|\sstyle=|\son\w+=|javascript:/);
    expect(page.split('</style>')[0]).not.toMatch(/@import|url\(/);
    expect(page.match(/(?:src|href)="(?!#|\/openapi\.json")[^"]*"/g)).toBeNull();
  });
});
