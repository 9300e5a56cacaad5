/**
 * Every message of the PowerstripProtocol, versions 1 and 2: what a hook is sent and what it may answer.
 * The words are those on the wire. docs/powerstrip-protocol.md is the specification; docs/schemas/ holds
 * these schemas as JSON Schema. Objects are loose both ways: whoever reads a message ignores fields it
 * does not know, so that both sides can grow.
 */
import { z } from 'zod';

/** Request and reply headers: name as spelled on the wire → its values in order. */
export const headers = z.record(z.string(), z.array(z.string())).meta({
  description: 'Header name → its values in order. Only headers the adapter may see.',
});

/** Changes to headers: a list replaces every field of that name, null removes them. */
export const headerChanges = z.record(z.string(), z.array(z.string()).nullable()).meta({
  description: 'Header name → the values to set, or null to remove it. Others stay as they are.',
});

const method = z.string().meta({ description: 'Upper case: `POST`.' });
const request = z.string().meta({ description: 'Path and query, as the client sent them.' });
const body = z.string().nullable().meta({
  description: 'The body as one string. Null: there is none, or it is not shown (a stream, not text).',
});
const bodyEncoding = z.literal('base64').meta({
  description: 'Present when `Body` is bytes in base64 and not text.',
});
const code = z.int().min(100).max(599).meta({ description: 'HTTP status.' });
const answerCode = z.int().min(200).max(599).meta({ description: 'HTTP status for the client.' });
const contentType = z.string().nullable().meta({ description: 'Content-Type; null when there is none.' });

const clientRequestV1 = z.looseObject({ Method: method, Request: request, Body: body });
const serverResponseV1 = z.looseObject({ ContentType: contentType, Body: body, Code: code });

/** Version 1, before the engine sees the call. */
export const preHookV1 = z.looseObject({
  PowerstripProtocolVersion: z.literal(1),
  Type: z.literal('pre-hook'),
  ClientRequest: clientRequestV1,
});

/** Version 1, after the engine answered. `ClientRequest` is what the client sent at first. */
export const postHookV1 = z.looseObject({
  PowerstripProtocolVersion: z.literal(1),
  Type: z.literal('post-hook'),
  ClientRequest: clientRequestV1,
  ServerResponse: serverResponseV1,
});

/** Version 1's answer to a pre-hook. A field left out changes nothing. */
export const preAnswerV1 = z.looseObject({
  PowerstripProtocolVersion: z.literal(1).exactOptional(),
  ModifiedClientRequest: z.looseObject({
    Method: method.exactOptional(),
    Request: request.exactOptional(),
    Body: body.exactOptional(),
  }),
});

/** Version 1's answer to a post-hook. A field left out changes nothing, nor does a null Code or ContentType. */
export const postAnswerV1 = z.looseObject({
  PowerstripProtocolVersion: z.literal(1).exactOptional(),
  ModifiedServerResponse: z.looseObject({
    ContentType: contentType.exactOptional(),
    Body: body.exactOptional(),
    Code: answerCode.nullable().exactOptional(),
  }),
});

/** Who made the call. */
export const client = z.looseObject({
  Listener: z.string().meta({ description: 'URL of the listener the call came in by.' }),
  Address: z.string().meta({ description: '`127.0.0.1:53122`, or `unix`.' }),
  Subject: z
    .string()
    .exactOptional()
    .meta({ description: 'Common name of the verified client certificate, when there is one.' }),
});

const clientRequestV2 = clientRequestV1.extend({
  BodyEncoding: bodyEncoding.exactOptional(),
  Headers: headers,
});
const serverResponseV2 = serverResponseV1.extend({
  BodyEncoding: bodyEncoding.exactOptional(),
  Headers: headers,
});

/** What every message of version 2 says about its call. */
const envelopeV2 = {
  PowerstripProtocolVersion: z.literal(2),
  RequestId: z.string().meta({ description: 'The same in every hook of one call.' }),
  Operation: z.string().meta({ description: "Docker's own name: `ContainerCreate`; `Unknown` for others." }),
  DryRun: z.boolean().meta({ description: 'True: decide and change, but do nothing that lasts.' }),
  Client: client,
};

/** Version 2, before the engine sees the call. */
export const preHookV2 = z.looseObject({
  ...envelopeV2,
  Type: z.literal('pre-hook'),
  ClientRequest: clientRequestV2,
});

/** Version 2, after the engine answered. */
export const postHookV2 = z.looseObject({
  ...envelopeV2,
  Type: z.literal('post-hook'),
  ClientRequest: clientRequestV2,
  ForwardedRequest: clientRequestV2.exactOptional().meta({
    description: 'What was really sent to the engine; absent when a hook answered in its place.',
  }),
  ServerResponse: serverResponseV2,
});

/** Version 2: a later step failed, so undo what the pre-hook of the same RequestId did. */
export const unwindHookV2 = z.looseObject({
  ...envelopeV2,
  Type: z.literal('unwind-hook'),
  ClientRequest: clientRequestV2.meta({ description: "As this adapter's own pre-hook was sent it." }),
  Reason: z.looseObject({
    Step: z.enum(['adapter', 'engine', 'client']).meta({
      description: 'What failed: a later hook, the engine (or a layer before it), or the client left.',
    }),
    Adapter: z.string().exactOptional().meta({ description: 'Name of the adapter that failed or refused.' }),
    Code: code.exactOptional().meta({ description: 'HTTP status, when there is one.' }),
    Message: z.string(),
  }),
});

/** One operation of a JSON Patch (RFC 6902). */
export const patchOperation = z.discriminatedUnion('op', [
  z.looseObject({ op: z.literal('add'), path: z.string(), value: z.json() }),
  z.looseObject({ op: z.literal('remove'), path: z.string() }),
  z.looseObject({ op: z.literal('replace'), path: z.string(), value: z.json() }),
  z.looseObject({ op: z.literal('move'), path: z.string(), from: z.string() }),
  z.looseObject({ op: z.literal('copy'), path: z.string(), from: z.string() }),
  z.looseObject({ op: z.literal('test'), path: z.string(), value: z.json() }),
]);

/** A JSON Patch against the body parsed as JSON. */
export const patch = z.array(patchOperation);

/** What version 2's answers to a pre-hook and a post-hook have in common. Everything may be left out. */
const answerV2 = {
  PowerstripProtocolVersion: z.literal(2).exactOptional(),
  Decision: z.enum(['continue', 'answer', 'refuse']).exactOptional().meta({
    description:
      'continue (default): go on with the changes. answer: `Answer` is the reply. refuse: an error is.',
  }),
  Message: z.string().exactOptional().meta({ description: 'With refuse: why, for the user.' }),
  Code: z
    .int()
    .min(400)
    .max(599)
    .exactOptional()
    .meta({ description: 'With refuse: HTTP status, 403 when left out.' }),
  Answer: z
    .looseObject({
      Code: answerCode,
      ContentType: contentType.exactOptional(),
      Body: body.exactOptional(),
      BodyEncoding: bodyEncoding.exactOptional(),
    })
    .exactOptional()
    .meta({ description: 'With answer: the reply. Content-Type is application/json when left out.' }),
  Warnings: z.array(z.string()).exactOptional().meta({ description: "Shown to the docker CLI's user." }),
  Patch: patch.exactOptional().meta({ description: 'Changes the body that was shown; not beside a `Body`.' }),
};

/** Version 2's answer to a pre-hook. */
export const preAnswerV2 = z.looseObject({
  ...answerV2,
  ModifiedClientRequest: z
    .looseObject({
      Method: method.exactOptional(),
      Request: request.exactOptional(),
      Body: body.exactOptional(),
      BodyEncoding: bodyEncoding.exactOptional(),
      Headers: headerChanges.exactOptional(),
    })
    .exactOptional(),
});

/** Version 2's answer to a post-hook. */
export const postAnswerV2 = z.looseObject({
  ...answerV2,
  ModifiedServerResponse: z
    .looseObject({
      ContentType: contentType.exactOptional(),
      Body: body.exactOptional(),
      BodyEncoding: bodyEncoding.exactOptional(),
      Code: answerCode.nullable().exactOptional(),
      Headers: headerChanges.exactOptional(),
    })
    .exactOptional(),
});

/** Version 2's answer to an unwind-hook: nothing in it is needed, an empty body will do. */
export const unwindAnswerV2 = z.looseObject({
  PowerstripProtocolVersion: z.literal(2).exactOptional(),
  Warnings: z.array(z.string()).exactOptional(),
});

/** What an adapter says instead, with a status of 400 or above: Docker's own error shape. */
export const errorAnswer = z.looseObject({ message: z.string() });

/** The types of the messages, each named as its schema above. */
export type Headers = z.infer<typeof headers>;
export type HeaderChanges = z.infer<typeof headerChanges>;
export type PreHookV1 = z.infer<typeof preHookV1>;
export type PostHookV1 = z.infer<typeof postHookV1>;
export type PreAnswerV1 = z.infer<typeof preAnswerV1>;
export type PostAnswerV1 = z.infer<typeof postAnswerV1>;
export type PreHookV2 = z.infer<typeof preHookV2>;
export type PostHookV2 = z.infer<typeof postHookV2>;
export type UnwindHookV2 = z.infer<typeof unwindHookV2>;
export type PreAnswerV2 = z.infer<typeof preAnswerV2>;
export type PostAnswerV2 = z.infer<typeof postAnswerV2>;
export type UnwindAnswerV2 = z.infer<typeof unwindAnswerV2>;
export type PatchOperation = z.infer<typeof patchOperation>;

/** Everything a hook may be sent. */
export type HookRequest = PreHookV1 | PostHookV1 | PreHookV2 | PostHookV2 | UnwindHookV2;

/** Everything a hook may answer. */
export type HookAnswer = PreAnswerV1 | PostAnswerV1 | PreAnswerV2 | PostAnswerV2 | UnwindAnswerV2;

/** The schemas by the name of their file in docs/schemas/. */
export const messages = {
  'v1-pre-hook': preHookV1,
  'v1-post-hook': postHookV1,
  'v1-pre-answer': preAnswerV1,
  'v1-post-answer': postAnswerV1,
  'v2-pre-hook': preHookV2,
  'v2-post-hook': postHookV2,
  'v2-unwind-hook': unwindHookV2,
  'v2-pre-answer': preAnswerV2,
  'v2-post-answer': postAnswerV2,
  'v2-unwind-answer': unwindAnswerV2,
  'error-answer': errorAnswer,
} as const;

/** `v1-pre-hook`, `v2-unwind-answer`, … */
export type MessageName = keyof typeof messages;
