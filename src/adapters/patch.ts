/** JSON Patch (RFC 6902) with JSON Pointers (RFC 6901): an adapter says what changes, not the whole body. */
import { isObject, type Json, parseJson, sameJson, setMember } from './json.ts';
import type { PatchOperation } from './protocol.ts';

/** A patch does not fit; the message says which operation and why. */
export class PatchError extends Error {}

/** How much a patch may multiply a body: `copy` doubles it each time. */
const longestResult = 64 * 1024 * 1024;

/** Applies all operations in order to a JSON text, or throws PatchError and nothing is changed. */
export function patchText(text: string, operations: readonly PatchOperation[]): string {
  let document: Json;
  try {
    document = parseJson(text);
  } catch {
    throw new PatchError('the body is not JSON');
  }
  for (const [i, operation] of operations.entries()) {
    try {
      document = apply(document, operation);
    } catch (cause) {
      if (!(cause instanceof PatchError)) throw cause;
      throw new PatchError(`operation ${i} (${operation.op} ${operation.path}): ${cause.message}`);
    }
  }
  return JSON.stringify(document);
}

function apply(document: Json, operation: PatchOperation): Json {
  const path = pointer(operation.path);
  switch (operation.op) {
    case 'add':
      return add(document, path, givenValue(operation));
    case 'remove':
      return remove(document, path).rest;
    case 'replace': {
      if (path.length === 0) return givenValue(operation);
      const { rest } = remove(document, path);
      return add(rest, path, givenValue(operation));
    }
    case 'move': {
      const from = pointer(operation.from);
      if (isInside(path, from)) throw new PatchError('a value cannot move into itself');
      const { rest, removed } = remove(document, from);
      return add(rest, path, removed);
    }
    case 'copy':
      return add(document, path, copyOf(at(document, pointer(operation.from))));
    case 'test':
      if (!sameJson(at(document, path), operation.value as Json))
        throw new PatchError('the value is another');
      return document;
  }
}

/** A copy: later operations may change what was put in, and the patch itself must stay as it came. */
function givenValue({ value }: { readonly value?: unknown }): Json {
  return copyOf(value as Json);
}

/** The parts of a JSON Pointer, unescaped. */
function pointer(text: string): string[] {
  if (text === '') return [];
  if (!text.startsWith('/')) throw new PatchError(`a JSON Pointer starts with "/", unlike "${text}"`);
  if (/~(?![01])/.test(text)) throw new PatchError(`"~" is written "~0" in a JSON Pointer`);
  const parts = text.slice(1).split('/');
  return parts.map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function at(document: Json, path: readonly string[]): Json {
  return path.reduce((value, key) => {
    if (Array.isArray(value)) return value[index(key, value.length - 1)]!;
    if (isObject(value) && Object.hasOwn(value, key)) return value[key]!;
    throw new PatchError(`there is no "${key}"`);
  }, document);
}

function add(document: Json, path: readonly string[], value: Json): Json {
  const key = path.at(-1);
  if (key === undefined) return value;
  const parent = at(document, path.slice(0, -1));
  if (Array.isArray(parent)) parent.splice(key === '-' ? parent.length : index(key, parent.length), 0, value);
  else if (isObject(parent)) setMember(parent, key, value);
  else throw new PatchError(`nothing can be added to a value that is no object and no list`);
  return document;
}

function remove(document: Json, path: readonly string[]): { rest: Json; removed: Json } {
  const removed = at(document, path);
  const key = path.at(-1);
  if (key === undefined) return { rest: null, removed };
  const parent = at(document, path.slice(0, -1));
  if (Array.isArray(parent)) parent.splice(index(key, parent.length - 1), 1);
  else delete (parent as { [key: string]: Json })[key];
  return { rest: document, removed };
}

function index(key: string, highest: number): number {
  if (!/^(?:0|[1-9]\d{0,8})$/.test(key)) throw new PatchError(`"${key}" is no place in a list`);
  if (Number(key) > highest) throw new PatchError(`the list has no place ${key}`);
  return Number(key);
}

function isInside(path: readonly string[], from: readonly string[]): boolean {
  return path.length > from.length && from.every((part, i) => part === path[i]);
}

function copyOf(value: Json): Json {
  const text = JSON.stringify(value);
  if (text.length > longestResult) throw new PatchError('the copy is too large');
  return parseJson(text);
}
