/**
 * The messages as JSON Schema, for adapters in any language. Run this file to write docs/schemas/ anew:
 * `node src/adapters/schemas.ts`. A test tells when that was forgotten.
 */
import { writeFileSync } from 'node:fs';
import { z } from 'zod';
import { type MessageName, messages } from './protocol.ts';

/** Where the schemas are kept. */
export const schemaFolder = new URL('../../docs/schemas/', import.meta.url);

/** File name → text of the JSON Schema (draft 2020-12). */
export function schemaFiles(): Map<string, string> {
  const files = new Map<string, string>();
  for (const name of Object.keys(messages) as MessageName[]) {
    const schema = { $id: `${name}.json`, title: title(name), ...toJsonSchema(messages[name]) };
    files.set(`${name}.json`, `${JSON.stringify(schema, undefined, 2)}\n`);
  }
  return files;
}

function toJsonSchema(message: z.ZodType): object {
  return z.toJSONSchema(message, { target: 'draft-2020-12', io: 'input' });
}

function title(name: MessageName): string {
  const [version, ...words] = name.split('-');
  if (name === 'error-answer') return 'PowerstripProtocol: an error in place of an answer';
  return `PowerstripProtocol ${version!.slice(1)}: ${words.join(' ')}`;
}

if (import.meta.main) {
  for (const [name, text] of schemaFiles()) writeFileSync(new URL(name, schemaFolder), text);
}
