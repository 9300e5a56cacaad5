/** Replies with JSON, in the shapes Docker's clients expect. */
import { bytes } from './body.ts';
import type { Reply } from './engine.ts';
import type { GantryError } from './refusal.ts';

/** A JSON reply; like Docker's own it ends with a line feed. */
export function jsonReply(status: number, value: unknown): Reply {
  const body = bytes(`${JSON.stringify(value)}\n`);
  return {
    status,
    reason: '',
    headers: ['Content-Type', 'application/json', 'Content-Length', String(body.length)],
    body,
  };
}

/** Docker's error shape: the docker CLI prints `message` after "Error response from daemon:". */
export function errorReply(status: number, error: GantryError): Reply {
  const message = error.remedy ? `${error.message} ${error.remedy}` : error.message;
  return jsonReply(status, { message: `gantry: ${message} (${error.code})` });
}
