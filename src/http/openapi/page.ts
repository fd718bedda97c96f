/** The document as one page of HTML: no script, no outside address, so that the strictest policy fits. */
import { createHash } from 'node:crypto';
import type { OpenApiDocument } from './document.js';
import { escapeHtml, inline, markdown } from './markdown.js';
import { operationSection } from './page-operation.js';
import { STYLE } from './page-style.js';

const styleHash = createHash('sha256').update(STYLE).digest('base64');

/** Content-Security-Policy of the page: nothing but the style sheet in it. */
export const PAGE_POLICY = `default-src 'none'; style-src 'sha256-${styleHash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

export function docsPage(document: OpenApiDocument): string {
  const { title, version, description } = document.info;
  const sections = document.tags.map(({ name }) => tagSection(document, name));
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)} API</title><style>${STYLE}</style></head>
<body>
<nav aria-label="Contents"><a href="#top">${escapeHtml(title)} API</a>${document.tags.map(({ name }) => navGroup(document, name)).join('')}
<a href="#errors">Error codes</a><a href="/openapi.json">openapi.json</a></nav>
<main id="top"><h1>${escapeHtml(title)} API <small>${escapeHtml(version)}</small></h1>
<p>Server: <code>${escapeHtml(document.servers[0]?.url ?? '')}</code></p>
${markdown(description)}
${sections.join('\n')}
<h2 id="errors">Error codes</h2>
<table><thead><tr><th>Code</th><th>Status</th><th>Meaning</th></tr></thead><tbody>
${document['x-errors'].map(({ code, status, message }) => `<tr><td><code>${code}</code></td><td>${status}</td><td>${inline(message)}</td></tr>`).join('\n')}
</tbody></table></main></body></html>
`;
}

function entries(document: OpenApiDocument, tag: string) {
  return Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item)
      .filter(([, operation]) => operation.tags.includes(tag))
      .map(([method, operation]) => ({ method, path, operation, id: operation.operationId })),
  );
}

function navGroup(document: OpenApiDocument, tag: string): string {
  const links = entries(document, tag).map(
    ({ id, method, path }) => `<a class="op" href="#${id}"><b>${method.toUpperCase()}</b> ${escapeHtml(path)}</a>`,
  );
  return `<details><summary>${escapeHtml(tag)}</summary>${links.join('')}</details>`;
}

function tagSection(document: OpenApiDocument, tag: string): string {
  return `<h2>${escapeHtml(tag)}</h2>\n${entries(document, tag).map(operationSection).join('\n')}`;
}
