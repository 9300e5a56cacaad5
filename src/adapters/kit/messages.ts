/** Reads what a gateway sends: JSON, then the schema of its version and type. */
import type { z } from 'zod';
import type { Client } from '../../core/engine.ts';
import { type HookRequest, postHookV1, postHookV2, preHookV1, preHookV2, unwindHookV2 } from '../protocol.ts';
import { HookMessageInvalid } from './hook-errors.ts';

const schemas: Record<string, z.ZodType<HookRequest>> = {
  '1 pre-hook': preHookV1,
  '1 post-hook': postHookV1,
  '2 pre-hook': preHookV2,
  '2 post-hook': postHookV2,
  '2 unwind-hook': unwindHookV2,
};

/** Checks one message; throws `hook-message-invalid` with the first thing that is wrong. */
export function readMessage(text: string): HookRequest {
  const value = parse(text);
  const { PowerstripProtocolVersion: version, Type: type } = value;
  const schema = Object.hasOwn(schemas, `${version} ${type}`) ? schemas[`${version} ${type}`] : undefined;
  if (!schema) {
    const shown = `PowerstripProtocolVersion ${JSON.stringify(version)} with Type ${JSON.stringify(type)}`;
    throw new HookMessageInvalid(`there is no ${shown.slice(0, 200)}`);
  }
  const checked = schema.safeParse(value);
  if (checked.success) return checked.data;
  const issue = checked.error.issues[0]!;
  throw new HookMessageInvalid(`${issue.path.join('.')}: ${issue.message}`, checked.error);
}

/** Whether the message is of version 2, and its type with it. */
export function isV2<Message extends HookRequest>(
  message: Message,
): message is Extract<Message, { PowerstripProtocolVersion: 2 }> {
  return message.PowerstripProtocolVersion === 2;
}

/** Who made the call; version 1 does not tell. */
export function clientOf(message: HookRequest): Client | undefined {
  if (!isV2(message)) return undefined;
  const { Listener, Address, Subject } = message.Client;
  return { listener: Listener, address: Address, ...(Subject === undefined ? {} : { subject: Subject }) };
}

function parse(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new HookMessageInvalid('it is not JSON', cause);
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  throw new HookMessageInvalid('it is no JSON object');
}
