/** One operation on the page of the document. */
import type { JsonSchema, Part } from './json-schema.js';
import { escapeHtml, inline } from './markdown.js';
import type { Operation } from './operation.js';

export interface Entry {
  method: string;
  path: string;
  id: string;
  operation: Operation;
}

interface Parameter {
  name: string;
  in: string;
  required?: boolean;
  description?: string;
  schema?: JsonSchema;
}

export function operationSection({ method, path, id, operation }: Entry): string {
  const parameters = operation.parameters as unknown as Parameter[];
  const body = operation.requestBody as { content?: Record<string, Part> } | undefined;
  const responses = Object.entries(operation.responses);
  return `<section id="${id}"><h3><b>${method.toUpperCase()}</b> <code>${escapeHtml(path)}</code></h3>
<p>${inline(operation.summary)} ${inline(operation.description ?? '')}</p>
${parameters.length === 0 ? '' : parameterTable(parameters)}
${body?.content === undefined ? '' : `<h4>Request</h4>${contentText(body.content)}`}
<h4>Answers</h4>${responses.map(responseText).join('')}</section>`;
}

function parameterTable(parameters: Parameter[]): string {
  const rows = parameters.map(
    ({ name, in: place, required, description, schema }) =>
      `<tr><td><code>${escapeHtml(name)}</code></td><td>${place}${required ? ', required' : ''}</td><td>${escapeHtml(typeText(schema))}</td><td>${inline(description ?? '')}</td></tr>`,
  );
  return `<table><thead><tr><th>Parameter</th><th>In</th><th>Type</th><th></th></tr></thead><tbody>${rows.join('')}</tbody></table>`;
}

function responseText([status, response]: [string, Part]): string {
  const refused = Number(status) >= 400;
  const codes = `<p><b>${status}</b> ${refused ? `<code>${escapeHtml(String(response.description))}</code>` : ''}</p>`;
  return refused ? codes : `${codes}${contentText((response.content ?? {}) as Record<string, Part>)}`;
}

function contentText(content: Record<string, Part>): string {
  return Object.entries(content)
    .map(([type, { schema, example, examples }]) => {
      const named = Object.entries((examples ?? {}) as Record<string, { value: unknown }>);
      const shown = example === undefined ? named : [['', { value: example }] as const, ...named];
      const blocks = shown.map(
        ([name, { value }]) =>
          `<figure>${name ? `<figcaption>${escapeHtml(name)}</figcaption>` : ''}<pre>${json(value)}</pre></figure>`,
      );
      const details =
        schema === undefined ? '' : `<details><summary>Schema</summary><pre>${json(schema)}</pre></details>`;
      return `${shown.length === 0 ? `<p><code>${escapeHtml(type)}</code></p>` : ''}${blocks.join('')}${details}`;
    })
    .join('');
}

function typeText(schema: JsonSchema = {}): string {
  if (schema.enum !== undefined) return schema.enum.join(' | ');
  return Array.isArray(schema.type) ? schema.type.join(' | ') : (schema.type ?? '');
}

function json(value: unknown): string {
  return escapeHtml(JSON.stringify(value, null, 2));
}
