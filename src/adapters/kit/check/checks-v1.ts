/** What every adapter should do: version 1, HTTP, and bad input. */
import { postV1, preV1 } from '../samples.ts';
import { askPost, askPre, bodyOf } from './asking.ts';
import { oneConnection } from './probe.ts';
import { type Check, fail, note, pass } from './verdict.ts';

const label = 'köln 🚢 "quoted" \\ \u2028';

/** A create that carries something to find again. */
function createWith(extra: object): string {
  return JSON.stringify({ Image: 'busybox:1.36', Cmd: ['true'], HostConfig: {}, ...extra });
}

function parse(text: string): Record<string, unknown> {
  try {
    return { ...JSON.parse(text) };
  } catch {
    return {};
  }
}

/** In the order in which they run. */
export const checksV1: readonly Check[] = [
  {
    id: 'ping',
    title: 'answers GET /v1/ping with pong',
    see: 'docs/adapters.md#serving-it',
    async run(probe) {
      const { status, text } = await probe.raw(undefined, { path: '/v1/ping' });
      if (status === 200 && text.trim() === 'pong') return pass;
      return note(`It answered ${status}; hooks work without, but nobody can ask whether it is there.`);
    },
  },
  {
    id: 'v1-pre',
    title: 'answers a pre-hook',
    see: 'docs/powerstrip-protocol.md#version-1',
    async run(probe) {
      const { changed } = await askPre(probe, preV1());
      return changed.notes.length === 0 ? pass : note(`In its answer ${changed.notes.join('; ')}.`);
    },
  },
  {
    id: 'v1-post',
    title: 'answers a post-hook',
    see: 'docs/powerstrip-protocol.md#version-1',
    async run(probe) {
      await askPost(probe, postV1());
      return pass;
    },
  },
  {
    id: 'v1-null-body',
    title: 'takes a call without a body',
    see: 'docs/powerstrip-protocol.md#bodies',
    async run(probe) {
      const list = { Method: 'GET', Request: '/v1.41/containers/json?all=1', Body: null };
      const body = bodyOf(await askPre(probe, preV1(list)));
      return body === '' ? pass : note('It gave a body to a GET, which engines ignore.');
    },
  },
  {
    id: 'v1-no-content',
    title: 'takes a reply without body and Content-Type (204)',
    see: 'docs/powerstrip-protocol.md#bodies',
    async run(probe) {
      const start = { Method: 'POST', Request: '/v1.41/containers/web/start', Body: null };
      await askPost(probe, postV1({ ContentType: null, Body: '', Code: 204 }, start));
      return pass;
    },
  },
  {
    id: 'v1-engine-error',
    title: 'takes an error of the engine in its post-hook',
    see: 'docs/powerstrip-protocol.md#version-1',
    async run(probe) {
      await askPost(probe, postV1({ Code: 404, Body: '{"message":"No such image: busybox:1.36"}\n' }));
      return pass;
    },
  },
  {
    id: 'unknown-fields',
    title: 'ignores fields of a message that it does not know',
    see: 'docs/powerstrip-protocol.md#version-1',
    async run(probe) {
      await askPre(probe, { ...preV1({ Later: [1] }), AlsoLater: { a: null } });
      return pass;
    },
  },
  {
    id: 'unicode',
    title: 'keeps text that is not ASCII',
    see: 'docs/powerstrip-protocol.md#bodies',
    async run(probe) {
      const asked = await askPre(probe, preV1({ Body: createWith({ Labels: { city: label } }) }));
      const { Labels } = parse(bodyOf(asked)) as { Labels?: { city?: string } };
      return Labels?.city === label
        ? pass
        : fail(`${JSON.stringify(label)} came back as ${JSON.stringify(Labels?.city)}.`);
    },
  },
  {
    id: 'unknown-keys',
    title: 'keeps keys of a body that it does not know',
    see: 'docs/powerstrip-protocol.md#bodies',
    async run(probe) {
      const future = { deep: [1, { k: null }], 'odd key': true };
      const asked = await askPre(probe, preV1({ Body: createWith({ Future: future }) }));
      const kept = JSON.stringify(parse(bodyOf(asked)).Future);
      return kept === JSON.stringify(future)
        ? pass
        : fail(`"Future": ${JSON.stringify(future)} came back as ${kept ?? 'nothing'}.`);
    },
  },
  {
    id: 'large-numbers',
    title: 'keeps every digit of large numbers',
    see: 'docs/powerstrip-protocol.md#bodies',
    async run(probe) {
      const digits = '9223372036854775807';
      const Body = `{"Image":"busybox:1.36","HostConfig":{"Memory":${digits}}}`;
      const asked = await askPre(probe, preV1({ Body }));
      return bodyOf(asked).includes(digits)
        ? pass
        : note(`${digits} was rounded; numbers above 2^53 need care in some languages.`);
    },
  },
  {
    id: 'large-body',
    title: 'takes a body of 1 MiB',
    see: 'docs/powerstrip-protocol.md#bodies',
    async run(probe) {
      const Env = Array.from({ length: 1024 }, (_, i) => `BIG_${i}=${'x'.repeat(1014)}`);
      const asked = await askPre(probe, preV1({ Body: createWith({ Env }) }));
      const kept = parse(bodyOf(asked)).Env;
      return Array.isArray(kept) && Env.every((each) => kept.includes(each))
        ? pass
        : fail('Not all of it came back.');
    },
  },
  {
    id: 'concurrency',
    title: 'answers eight hooks at once, each with its own answer',
    see: 'docs/powerstrip-protocol.md#transport',
    async run(probe) {
      const marks = Array.from({ length: 8 }, (_, i) => `call-${i}`);
      const bodies = await Promise.all(
        marks.map(async (mark) =>
          bodyOf(await askPre(probe, preV1({ Body: createWith({ Labels: { mark } }) }))),
        ),
      );
      const mixed = marks.filter((mark, i) => !bodies[i]!.includes(mark));
      return mixed.length === 0 ? pass : fail(`${mixed.join(', ')} got the answer of another call.`);
    },
  },
  {
    id: 'keep-alive',
    title: 'keeps its connections',
    see: 'docs/powerstrip-protocol.md#transport',
    async run(probe) {
      const agent = oneConnection(probe.url);
      try {
        await probe.raw(JSON.stringify(preV1()), { agent });
        const { reused } = await probe.raw(JSON.stringify(preV1()), { agent });
        return reused ? pass : note('It closes each connection, so every hook waits for a new one.');
      } finally {
        agent.destroy();
      }
    },
  },
  {
    id: 'content-type',
    title: 'says that its answers are JSON',
    see: 'docs/powerstrip-protocol.md#transport',
    async run(probe) {
      const { contentType = 'nothing' } = await probe.raw(JSON.stringify(preV1()));
      if (/^application\/json\b/i.test(contentType)) return pass;
      return note(`Its Content-Type says ${contentType}; Gantry does not mind, others may.`);
    },
  },
  {
    id: 'bad-json',
    title: 'answers nonsense with an error, and goes on',
    see: 'docs/powerstrip-protocol.md#when-an-adapter-fails',
    async run(probe) {
      const { status, text } = await probe.raw('{"PowerstripProtocolVersion":1,');
      const after = await probe.raw(JSON.stringify(preV1()));
      if (after.status >= 500) return fail(`After it, a good hook was answered with ${after.status}.`);
      if (status < 400) return fail(`It answered ${status} as if that were a hook.`);
      if (status >= 500) return note(`It answered ${status}; 400 would say whose fault it was.`);
      return typeof parse(text).message === 'string' ? pass : note('Its error has no {"message": …}.');
    },
  },
];
