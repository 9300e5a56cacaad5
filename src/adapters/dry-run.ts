/**
 * A dry run: a call with the header `X-Gantry-Dry-Run` goes through the pre-hooks and never to the engine;
 * the reply says what would have been sent. Adapters of version 1 cannot be told, so they are not asked.
 */
import type { Call, Reply } from '../core/engine.ts';
import { header } from '../core/headers.ts';
import { jsonReply } from '../core/json.ts';
import type { RequestDraft } from './drafts.ts';
import type { Passage } from './hooks.ts';

/** Whether the client asked for one. Any value but `0`, `false` and nothing does. */
export function isDryRun(call: Call): boolean {
  const asked = header(call.headers, 'x-gantry-dry-run');
  return asked !== undefined && !['', '0', 'false', 'no'].includes(asked.trim().toLowerCase());
}

/** What the engine would have got: 200, `{"DryRun": true, "Operation", "ForwardedRequest", "Warnings"}`. */
export function dryRunReply({ call, target, warnings }: Passage, request: RequestDraft): Reply {
  return jsonReply(200, {
    DryRun: true,
    Operation: target.operation.name,
    ForwardedRequest: {
      Method: call.method,
      Request: request.target,
      Body: request.content.kind === 'text' ? request.content.text : null,
    },
    Warnings: warnings,
  });
}
